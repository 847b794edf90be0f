// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cpu/scan_range.hpp>
#include <ssm/core/dtype.hpp>
#include <ssm/core/view.hpp>

#include <array>

namespace ssm::cpu_kernels {

/// The work of one call of a kernel of the selective recurrence: some tokens of up to 16 channels,
///
///     h[n, ch] = exp(dt[t, ch] a[n, ch]) h[n, ch] + dt[t, ch] b[t, n] x[t, ch]
///     y[t, ch] += sum over n of c[t, n] h[n, ch]
///
/// dt, x and y lie in memory of their own, a token's 16 channels behind those of the token before. In the arrays of a layer
/// they are a row of channels apart: for powers of two that is the same few places of every cache, and, in the eyes of a
/// processor that compares the last 12 bits of addresses, the same place as a y that is still being written.
struct scan_tile {
    static constexpr index channels = channels_at_once;

    const float* dt;                ///< (tokens, 16); channels that are not there are zero, here and in x and y
    const float* x;                 ///< (tokens, 16)
    float* y;                       ///< (tokens, 16), holding what the skip adds
    matrix_view<const float> a;     ///< (states, channels)
    matrix_view<const float> b, c;  ///< (tokens, states)
    matrix_view<float> h;           ///< (states, channels)

    /// One line of the cache in each of some rows of a layer's array.
    struct lines {
        const float* first;
        index stride;
    };
    std::array<lines, 4> ahead;  ///< wanted after this tile, and too far apart for a processor to see it coming
    index tokens_ahead;          ///< rows of each, at most `tokens()`

    [[nodiscard]] index tokens() const noexcept { return b.rows(); }

    /// Asks memory for row t of what is wanted next: a kernel does so once a token, which leaves it time for each.
    [[gnu::always_inline]] void ask_ahead(index t) const noexcept {
        if (t >= tokens_ahead) return;
        for (const lines& of : ahead) __builtin_prefetch(of.first + t * of.stride, 0, 2);
    }
};

/// e^x = 2^(x log2(e)). Decays are computed so, with the factor in the rates: a power of two is an exponent.
inline constexpr float log2_of_e = 1.44269504F;

/// 2^f for |f| <= 1/2 as a polynomial, the highest power first: 1 and ln 2 exactly as floats, then the interpolation of the
/// rest at Chebyshev's points. It errs by less than 1e-8, and by next to nothing around 0, where the decays are that matter
/// for long.
inline constexpr float exp2_terms[] = {
    0x1.43e716p-13F, 0x1.5ec866p-10F, 0x1.3b2a80p-7F, 0x1.c6afeep-5F, 0x1.ebfbe0p-3F, 0x1.62e430p-1F, 1.0F};

}  // namespace ssm::cpu_kernels
