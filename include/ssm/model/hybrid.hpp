// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/model/layer_pattern.hpp>
#include <ssm/model/model.hpp>

#include <concepts>
#include <string_view>

namespace ssm {

/// Layers of several archs that take turns: of `hybrid_arch<mamba_arch, mamba_arch, mamba2_arch>`, layers 2, 5, 8... are
/// Mamba-2's. All read one configuration. Sequences are kept and prompts cut as the first says.
template <class First, class... Rest>
struct hybrid_arch {
    using pattern = layer_pattern<First, Rest...>;
    using conv_state = typename First::conv_state;
    using prefill = typename First::prefill;
    static_assert((std::same_as<conv_state, typename Rest::conv_state> && ...),
                  "ssm: the archs of a hybrid keep their conv inputs alike: give all of them one conv_state");

    /// Any: nobody publishes checkpoints of these. Derive and name yours.
    static constexpr std::string_view model_type = "";
};

/// A model of such layers.
template <class Backend, class... Archs>
using hybrid = model<Backend, hybrid_arch<Archs...>>;

}  // namespace ssm
