// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/config.hpp>

#include <cmath>

namespace ssm {

/// What a number that is not negative is held to: nothing, unless stated.
struct limits {
    float least = 0;
    float most = INFINITY;

    /// The nearest number within; NaN stays NaN.
    template <class S>
    [[nodiscard]] SSM_HD S hold(S value) const {
        return value < S(least) ? S(least) : value > S(most) ? S(most) : value;
    }

    friend bool operator==(const limits&, const limits&) = default;
};

}  // namespace ssm
