// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/model/mamba.hpp>

#include <string_view>

namespace ssm {

/// Falcon Mamba (Zuo et al. 2024): Mamba-1 whose dt, B and C are divided by their root mean square.
struct falcon_mamba_arch : mamba_arch {
    using bcdt_norm = unit_rms;
    static constexpr std::string_view model_type = "falcon_mamba";
};

/// Falcon Mamba, as in `FalconMambaForCausalLM`.
template <class Backend>
using falcon_mamba = model<Backend, falcon_mamba_arch>;

}  // namespace ssm
