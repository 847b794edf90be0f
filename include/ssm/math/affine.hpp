// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/config.hpp>

namespace ssm {

/// The map h -> a h + b: one step of a linear recurrence, or any number of steps composed.
///
/// These maps with `then` and `identity()` form a monoid: composition is associative, so steps may be composed in any
/// grouping that keeps their order. That is what makes a parallel scan legal (Blelloch 1990, "Prefix Sums and Their
/// Applications"; S5, Smith et al. 2023, section 2.3; Mamba, Gu and Dao 2023, section 3.3.2). In floating point the
/// groupings agree within rounding only.
template <class S>
struct affine {
    S a;  ///< what is kept of the state
    S b;  ///< what is added to it

    /// h -> h.
    [[nodiscard]] SSM_HD static constexpr affine identity() { return {S(1), S(0)}; }

    [[nodiscard]] SSM_HD constexpr S operator()(const S& h) const { return a * h + b; }

    friend bool operator==(const affine&, const affine&) = default;
};

/// The map h -> later(earlier(h)).
template <class S>
[[nodiscard]] SSM_HD constexpr affine<S> then(const affine<S>& earlier, const affine<S>& later) {
    return {later.a * earlier.a, later.a * earlier.b + later.b};
}

}  // namespace ssm
