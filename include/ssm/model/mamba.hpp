// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/model/mamba_mixer.hpp>
#include <ssm/model/model.hpp>
#include <ssm/policy/conv_state.hpp>
#include <ssm/policy/norm.hpp>
#include <ssm/policy/prefill.hpp>
#include <ssm/policy/recurrence.hpp>
#include <ssm/policy/scan.hpp>

#include <string_view>

namespace ssm {

/// The behaviour of Mamba-1 (Gu and Dao 2023), each choice under a name. Derive from it and redefine a name to build a
/// variant.
struct mamba_arch {
    template <class Backend, class Arch>
    using mixer = mamba_mixer<Backend, Arch>;  ///< what looks back in time
    template <class S, class Input>
    using recurrence = selective<S, Input>;  ///< what the scan computes
    using bcdt_norm = no_norm;               ///< between x_proj and the scan
    using scan = sequential;                 ///< how time runs
    using conv_state = shift_window;         ///< how the last conv inputs are kept
    using prefill = in_chunks;               ///< how a prompt is cut unless the caller says otherwise

    /// What a checkpoint must call itself; empty accepts any.
    static constexpr std::string_view model_type = "mamba";
};

/// Mamba-1, as in `MambaForCausalLM` and mamba_ssm's `MambaLMHeadModel`.
template <class Backend>
using mamba = model<Backend, mamba_arch>;

}  // namespace ssm
