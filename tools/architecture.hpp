// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cpu/cpu.hpp>
#include <ssm/core/error.hpp>
#include <ssm/core/model_config.hpp>
#include <ssm/model/falcon_mamba.hpp>
#include <ssm/model/mamba.hpp>

namespace ssm::tools {

/// Calls `f(type_tag<Model>{})` with the model on the CPU that the configuration's model type names.
/// Throws config_error for another one.
template <class F>
decltype(auto) with_model_type(const model_config& config, F&& f) {
    if (config.model_type == falcon_mamba_arch::model_type) return f(type_tag<falcon_mamba<cpu>>{});
    if (config.model_type == mamba_arch::model_type) return f(type_tag<mamba<cpu>>{});
    throw config_error({config.source, "model_type", "\"" + config.model_type + "\"", "\"falcon_mamba\" or \"mamba\"",
                        "other architectures are not supported"});
}

}  // namespace ssm::tools
