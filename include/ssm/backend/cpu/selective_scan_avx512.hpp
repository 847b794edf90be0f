// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#if defined(__x86_64__)

#include <ssm/backend/cpu/instruction_set.hpp>
#include <ssm/backend/cpu/lanes.hpp>
#include <ssm/backend/cpu/scan_tile.hpp>

#include <immintrin.h>

#include <algorithm>
#include <cstddef>
#include <iterator>

/// \file
/// The selective recurrence for AVX-512: 16 channels a vector, 16 states in registers.
namespace ssm::cpu_kernels::avx512 {

/// p = p x + term.
template <std::size_t Count>
[[SSM_TARGET_AVX512, gnu::always_inline]] inline void times_plus(__m512 (&p)[Count], const __m512 (&x)[Count],
                                                                 float term) noexcept {
    SSM_UNROLL for (std::size_t i = 0; i < Count; ++i) p[i] = _mm512_fmadd_ps(p[i], x[i], _mm512_set1_ps(term));
}

/// 2^x in place, at most 2 ulp; 0 and infinity where they are due, NaN for NaN. Several at once and step by step: one alone
/// is a chain of 50 cycles.
template <std::size_t Count>
[[SSM_TARGET_AVX512, gnu::always_inline]] inline void exp2(__m512 (&x)[Count]) noexcept {
    constexpr __mmask16 all = 0xffff;
    __m512 whole[Count];
    __m512 p[Count];
    SSM_UNROLL for (std::size_t i = 0; i < Count; ++i) whole[i] =
        _mm512_maskz_roundscale_ps(all, x[i], _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    SSM_UNROLL for (std::size_t i = 0; i < Count; ++i) x[i] = _mm512_sub_ps(x[i], whole[i]);
    SSM_UNROLL for (std::size_t i = 0; i < Count; ++i) p[i] = _mm512_set1_ps(exp2_terms[0]);
    for (std::size_t k = 1; k < std::size(exp2_terms); ++k) times_plus(p, x, exp2_terms[k]);
    SSM_UNROLL for (std::size_t i = 0; i < Count; ++i) x[i] = _mm512_maskz_scalef_ps(all, p[i], whole[i]);
}

/// `States` states from state n on, over the tokens of a tile.
template <std::size_t States>
[[SSM_TARGET_AVX512]] void scan_states(const scan_tile& tile, index n) noexcept {
    constexpr std::size_t together = std::min<std::size_t>(States, 4);
    const auto lanes = static_cast<__mmask16>((1U << tile.h.columns()) - 1U);
    __m512 rate[States];
    __m512 state[States];
    SSM_UNROLL for (std::size_t i = 0; i < States; ++i) {
        const index row = n + static_cast<index>(i);
        rate[i] = _mm512_mul_ps(_mm512_maskz_loadu_ps(lanes, tile.a.data() + row * tile.a.stride()),
                                _mm512_set1_ps(log2_of_e));
        state[i] = _mm512_maskz_loadu_ps(lanes, tile.h.data() + row * tile.h.stride());
    }
    for (index t = 0; t < tile.tokens(); ++t) {
        tile.ask_ahead(t);
        const index at = t * scan_tile::channels;
        const __m512 dt = _mm512_loadu_ps(tile.dt + at);
        const __m512 input = _mm512_mul_ps(dt, _mm512_loadu_ps(tile.x + at));
        __m512 sum = _mm512_loadu_ps(tile.y + at);
        const float* const b = tile.b.data() + t * tile.b.stride() + n;
        const float* const c = tile.c.data() + t * tile.c.stride() + n;
        SSM_UNROLL for (std::size_t first = 0; first < States; first += together) {
            __m512 decay[together];
            SSM_UNROLL for (std::size_t i = 0; i < together; ++i) decay[i] = _mm512_mul_ps(dt, rate[first + i]);
            exp2(decay);
            SSM_UNROLL for (std::size_t i = 0; i < together; ++i) {
                __m512& s = state[first + i];
                s = _mm512_fmadd_ps(decay[i], s, _mm512_mul_ps(input, _mm512_set1_ps(b[first + i])));
                sum = _mm512_fmadd_ps(s, _mm512_set1_ps(c[first + i]), sum);
            }
        }
        _mm512_storeu_ps(tile.y + at, sum);
    }
    SSM_UNROLL for (std::size_t i = 0; i < States; ++i)
        _mm512_mask_storeu_ps(tile.h.data() + (n + static_cast<index>(i)) * tile.h.stride(), lanes, state[i]);
}

inline void scan_selective(const scan_tile& tile) noexcept {
    index n = 0;
    for (; n + 16 <= tile.h.rows(); n += 16) scan_states<16>(tile, n);
    for (; n + 4 <= tile.h.rows(); n += 4) scan_states<4>(tile, n);
    for (; n < tile.h.rows(); ++n) scan_states<1>(tile, n);
}

}  // namespace ssm::cpu_kernels::avx512

#endif
