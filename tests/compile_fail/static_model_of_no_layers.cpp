// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
// expect: ssm: every size of a static_model is positive: see model_sizes
#include <ssm/model/static_model.hpp>

template class ssm::static_model<
    ssm::model_sizes{.hidden = 8, .inner = 16, .state = 4, .conv = 4, .dt_rank = 1, .vocab = 32}, ssm::no_norm>;
