// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/view.hpp>

#include <cassert>

namespace ssm::math {

/// Runs a recurrence over tokens, in the order of time:
///
///     h[n, ch] <- transition(t, ch, n)(h[n, ch])
///     y[t, ch]  = skip(t, ch) + sum over n of readout(t, ch, n) * h[n, ch]
///
/// h (states, channels) is read as the state before the first token, zero at the start of a sequence, and left as the
/// state after the last one, so a sequence may be cut anywhere; y (tokens, channels).
///
/// R names its `scalar` and has the members above, `transition` giving an `affine<scalar>`; the stock ones are in
/// `policy/recurrence.hpp`. The scalar may be a type of the user's own. This is the definition that every scan kernel of
/// every backend is held to (`selective_scan_ref` of Mamba's reference implementation, for `selective`).
template <class R>
void selective_scan(const R& r, index tokens, index channels, index states, matrix_view<typename R::scalar> h,
                    matrix_view<typename R::scalar> y) {
    assert(h.rows() == states && h.columns() == channels);
    assert(y.rows() == tokens && y.columns() == channels);
    for (index t = 0; t < tokens; ++t)
        for (index ch = 0; ch < channels; ++ch) {
            auto sum = r.skip(t, ch);
            for (index n = 0; n < states; ++n) {
                h(n, ch) = r.transition(t, ch, n)(h(n, ch));
                sum = sum + r.readout(t, ch, n) * h(n, ch);
            }
            y(t, ch) = sum;
        }
}

}  // namespace ssm::math
