// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/view.hpp>

#include <algorithm>
#include <cassert>

namespace ssm::math {

/// The scan of a recurrence with one decay a head, in its dual form (Dao and Gu 2024, "Transformers are SSMs", section 6):
/// in each chunk of `length` tokens, for t and s in it and p(s, t) the product of the decays after s up to t,
///
///     y[t, ch]  = skip(t, ch) + p(-1, t) sum over n of c(t, n) h[n, ch]
///                             + sum over s <= t of (c(t) . b(s)) p(s, t) drive(s, ch)
///     h[n, ch] <- p(-1, last) h[n, ch] + sum over s of p(s, last) b(s, n) drive(s, ch)
///
/// which are matrix products over s, n and t. Equal to `selective_scan` within rounding, for every length; h and y are as
/// there. R has the members of `decays_by_head` in `policy/recurrence.hpp`, and `skip`.
template <class R>
void state_space_dual(const R& r, index length, index tokens, index channels, index states,
                      matrix_view<typename R::scalar> h, matrix_view<typename R::scalar> y) {
    using S = typename R::scalar;
    assert(length > 0 && channels % r.heads() == 0 && r.heads() % r.groups == 0);
    assert(h.rows() == states && h.columns() == channels);
    assert(y.rows() == tokens && y.columns() == channels);
    for (index first = 0; first < tokens; first += length)
        for (index ch = 0; ch < channels; ++ch) {
            const index last = std::min(first + length, tokens) - 1;
            const index head = ch / (channels / r.heads());
            const index group = ch / (channels / r.groups);
            // The column of b and c for a state, and the product of the decays after s up to t.
            const auto column = [&](index n) { return group * states + n; };
            const auto kept = [&](index s, index t) {
                S product = S(1);
                for (index k = s + 1; k <= t; ++k) product = product * r.decay(k, head);
                return product;
            };
            for (index t = first; t <= last; ++t) {
                S sum = r.skip(t, ch);
                for (index n = 0; n < states; ++n) sum = sum + kept(first - 1, t) * r.c(t, column(n)) * h(n, ch);
                for (index s = first; s <= t; ++s) {
                    S alike = S(0);
                    for (index n = 0; n < states; ++n) alike = alike + r.c(t, column(n)) * r.b(s, column(n));
                    sum = sum + alike * kept(s, t) * r.drive(s, ch);
                }
                y(t, ch) = sum;
            }
            for (index n = 0; n < states; ++n) {
                S sum = kept(first - 1, last) * h(n, ch);
                for (index s = first; s <= last; ++s) sum = sum + kept(s, last) * r.b(s, column(n)) * r.drive(s, ch);
                h(n, ch) = sum;
            }
        }
}

}  // namespace ssm::math
