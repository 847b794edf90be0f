// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <string_view>

namespace ssm {

/// \file
/// What happens to dt, B and C between x_proj and the scan.

/// Nothing: Mamba.
struct no_norm {
    static constexpr bool normalises = false;
    static constexpr bool has_gain = false;
};

/// Each divided by its own root mean square, without a weight: Falcon Mamba (Zuo et al. 2024, section 2.2).
struct unit_rms {
    static constexpr bool normalises = true;
    static constexpr bool has_gain = false;
};

/// Root mean square with a learned gain each: Jamba (Lieber et al. 2024, section 3.2).
/// The gains are the tensors `dt_layernorm.weight`, `b_layernorm.weight` and `c_layernorm.weight` beside the mixer's.
struct learned_rms {
    static constexpr bool normalises = true;
    static constexpr bool has_gain = true;
};

/// `normalises` says whether dt, B and C are divided by their root mean square.
template <class P>
concept states_normalises = requires {
    { P::normalises } -> std::convertible_to<bool>;
};

/// `has_gain` says whether a learned gain follows.
template <class P>
concept states_gain = requires {
    { P::has_gain } -> std::convertible_to<bool>;
};

/// A norm policy for dt, B and C.
template <class P>
concept norm_policy = states_normalises<P> && states_gain<P> &&(P::normalises || !P::has_gain);

}  // namespace ssm
