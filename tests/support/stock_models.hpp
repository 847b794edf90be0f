// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cpu/cpu.hpp>
#include <ssm/generate/session.hpp>
#include <ssm/model/falcon_mamba.hpp>
#include <ssm/model/load.hpp>

/// \file
/// Falcon Mamba on the CPU, compiled once for all the tests that include this: a translation unit that only runs a model
/// would otherwise spend most of its time on the same instantiations as the others.

extern template class ssm::basic_cpu<ssm::panel_products>;
extern template class ssm::mamba_mixer<ssm::cpu, ssm::falcon_mamba_arch>;
extern template class ssm::block<ssm::cpu, ssm::falcon_mamba_arch>;
extern template class ssm::state<ssm::cpu, ssm::falcon_mamba_arch>;
extern template class ssm::weight_loader<ssm::cpu>;
extern template struct ssm::weights<ssm::cpu, ssm::falcon_mamba_arch>;
extern template class ssm::model<ssm::cpu, ssm::falcon_mamba_arch>;
extern template class ssm::session<ssm::falcon_mamba<ssm::cpu>>;
