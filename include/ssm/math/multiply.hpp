// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/view.hpp>

#include <cassert>
#include <type_traits>

namespace ssm::math {

/// y += x w^T + bias, each sum from the first input to the last:
///
///     y[t, o] = y[t, o] + (bias[o] + sum over k of x[t, k] * w[o, k])
///
/// x (tokens, depth), w (outputs, depth), bias (outputs) or empty for 0, y (tokens, outputs). The scalar is that of y.
template <class S, index... Extents>
void multiply_add(matrix_view<const std::type_identity_t<S>> x, matrix_view<const std::type_identity_t<S>> w,
                  vector_view<const std::type_identity_t<S>> bias, view<S, Extents...> y) {
    assert(x.columns() == w.columns() && y.rows() == x.rows() && y.columns() == w.rows());
    assert(bias.empty() || bias.size() == w.rows());
    for (index t = 0; t < x.rows(); ++t)
        for (index o = 0; o < w.rows(); ++o) {
            S sum = bias.empty() ? S(0) : bias[o];
            for (index k = 0; k < x.columns(); ++k) sum = sum + x(t, k) * w(o, k);
            y(t, o) = y(t, o) + sum;
        }
}

/// y = x w^T + bias: a linear layer whose weights lie an output a row, as checkpoints store them. Shapes as above.
template <class S, index... Extents>
void multiply(matrix_view<const std::type_identity_t<S>> x, matrix_view<const std::type_identity_t<S>> w,
              vector_view<const std::type_identity_t<S>> bias, view<S, Extents...> y) {
    for (index t = 0; t < y.rows(); ++t)
        for (index o = 0; o < y.columns(); ++o) y(t, o) = S(0);
    multiply_add(x, w, bias, y);
}

}  // namespace ssm::math
