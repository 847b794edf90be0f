// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include "support/stock_models.hpp"

template class ssm::basic_cpu<ssm::panel_products>;
template class ssm::mamba_mixer<ssm::cpu, ssm::falcon_mamba_arch>;
template class ssm::block<ssm::cpu, ssm::falcon_mamba_arch>;
template class ssm::state<ssm::cpu, ssm::falcon_mamba_arch>;
template class ssm::weight_loader<ssm::cpu>;
template struct ssm::weights<ssm::cpu, ssm::falcon_mamba_arch>;
template class ssm::model<ssm::cpu, ssm::falcon_mamba_arch>;
template class ssm::session<ssm::falcon_mamba<ssm::cpu>>;
