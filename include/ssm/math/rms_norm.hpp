// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/view.hpp>

#include <cassert>
#include <cmath>
#include <type_traits>

namespace ssm::math {

/// y = x / sqrt(mean(x^2) + eps) * gain, a row at a time (RMSNorm, Zhang and Sennrich 2019).
///
/// x and y (rows, columns), which may be the same; gain (columns), or empty for 1. The scalar is that of y.
template <class S, index... Extents>
void rms_norm(matrix_view<const std::type_identity_t<S>> x, vector_view<const std::type_identity_t<S>> gain,
              std::type_identity_t<S> eps, view<S, Extents...> y) {
    assert(y.rows() == x.rows() && y.columns() == x.columns());
    assert(gain.empty() || gain.size() == x.columns());
    using std::sqrt;
    for (index t = 0; t < x.rows(); ++t) {
        S squares = S(0);
        for (index i = 0; i < x.columns(); ++i) squares = squares + x(t, i) * x(t, i);
        const S root_mean_square = sqrt(squares / S(x.columns()) + eps);
        for (index i = 0; i < x.columns(); ++i) {
            const S unit = x(t, i) / root_mean_square;
            y(t, i) = gain.empty() ? unit : unit * gain[i];
        }
    }
}

}  // namespace ssm::math
