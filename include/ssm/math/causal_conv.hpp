// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/view.hpp>

#include <cassert>
#include <type_traits>

namespace ssm::math {

/// Causal depthwise convolution with K taps, without an activation:
///
///     y[t, ch] = bias[ch] + sum over k of taps[k, ch] * x[t - (K-1) + k, ch]
///
/// so that the last tap multiplies the current token. Inputs before the first token come from the window, which is left
/// holding the last K-1 inputs: a sequence may be cut anywhere.
///
/// x and y (tokens, channels), not the same; taps (K, channels), K >= 1; bias (channels), or empty for 0;
/// window (K-1, channels), oldest input first, all zero at the start of a sequence. The scalar is that of y.
template <class S, index... Extents>
void causal_conv(matrix_view<const std::type_identity_t<S>> x, matrix_view<const std::type_identity_t<S>> taps,
                 vector_view<const std::type_identity_t<S>> bias, matrix_view<std::type_identity_t<S>> window,
                 view<S, Extents...> y) {
    const index width = window.rows();
    assert(taps.rows() == width + 1 && taps.columns() == x.columns());
    assert(width == 0 || window.columns() == x.columns());
    assert(bias.empty() || bias.size() == x.columns());
    assert(y.rows() == x.rows() && y.columns() == x.columns());

    for (index ch = 0; ch < x.columns(); ++ch) {
        // Row i of the window and the inputs laid end to end.
        const auto input = [&](index i) { return i < width ? window(i, ch) : x(i - width, ch); };
        for (index t = 0; t < x.rows(); ++t) {
            S sum = bias.empty() ? S(0) : bias[ch];
            for (index k = 0; k <= width; ++k) sum = sum + taps(k, ch) * input(t + k);
            y(t, ch) = sum;
        }
        for (index i = 0; i < width; ++i) window(i, ch) = input(x.rows() + i);
    }
}

}  // namespace ssm::math
