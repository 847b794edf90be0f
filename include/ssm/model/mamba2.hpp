// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/model/mamba2_mixer.hpp>
#include <ssm/model/model.hpp>
#include <ssm/policy/conv_state.hpp>
#include <ssm/policy/prefill.hpp>
#include <ssm/policy/scan.hpp>

#include <string_view>

namespace ssm {

/// The behaviour of Mamba-2 (Dao and Gu 2024), each choice under a name.
struct mamba2_arch {
    template <class Backend, class Arch>
    using mixer = mamba2_mixer<Backend, Arch>;  ///< what looks back in time
    using scan = sequential;                    ///< how time runs; `state_space_dual` for products
    using conv_state = shift_window;            ///< how the last conv inputs are kept
    using prefill = in_chunks;                  ///< how a prompt is cut unless the caller says otherwise

    /// What a checkpoint must call itself; empty accepts any.
    static constexpr std::string_view model_type = "mamba2";
};

/// Mamba-2, as in `Mamba2ForCausalLM` and mamba_ssm's `MambaLMHeadModel` with Mamba2 layers.
template <class Backend>
using mamba2 = model<Backend, mamba2_arch>;

}  // namespace ssm
