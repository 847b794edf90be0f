// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/config.hpp>

#include <cmath>

namespace ssm::math {

/// \file
/// Activations for float, double or a type of the user's own, whose `exp` and `log1p` are found beside it.

/// 1 / (1 + e^-x). The exponential's argument is never positive, so neither it nor a derivative carried along overflows.
template <class S>
[[nodiscard]] SSM_HD S sigmoid(S x) {
    using std::exp;
    if (x < S(0)) {
        const S e = exp(x);
        return e / (S(1) + e);
    }
    return S(1) / (S(1) + exp(-x));
}

/// x / (1 + e^-x), also called swish (Ramachandran et al. 2017). NaN at minus infinity, where the limit is 0.
template <class S>
[[nodiscard]] SSM_HD S silu(S x) {
    return x * sigmoid(x);
}

/// log(1 + e^x); above 20 the identity, as in PyTorch's softplus, which Mamba's reference implementation calls.
/// The step at 20 is 2.1e-9: below a float's rounding there (9.5e-7), visible in double.
template <class S>
[[nodiscard]] SSM_HD S softplus(S x) {
    using std::exp;
    using std::log1p;
    return x > S(20) ? x : log1p(exp(x));
}

}  // namespace ssm::math
