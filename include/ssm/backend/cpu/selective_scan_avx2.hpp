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
/// The selective recurrence for AVX2: 8 channels a vector, eight states at a time, all in the first-level cache.
namespace ssm::cpu_kernels::avx2 {

/// p = p x + term.
template <std::size_t Count>
[[SSM_TARGET_AVX2, gnu::always_inline]] inline void times_plus(__m256 (&p)[Count], const __m256 (&x)[Count],
                                                               float term) noexcept {
    SSM_UNROLL for (std::size_t i = 0; i < Count; ++i) p[i] = _mm256_fmadd_ps(p[i], x[i], _mm256_set1_ps(term));
}

/// 2^x in place, at most 2 ulp from 2^-126 to 2^127; 0 below 2^-127, infinity from 2^127.5 on, NaN for NaN. Several at once
/// and step by step: one alone is a chain of 50 cycles, longer than a processor looks ahead.
template <std::size_t Count>
[[SSM_TARGET_AVX2, gnu::always_inline]] inline void exp2(__m256 (&x)[Count]) noexcept {
    // Adding it leaves the nearest integer, plus the bias of an exponent, in the low mantissa bits.
    const __m256 shift = _mm256_set1_ps(0x1.8p23F + 127.0F);
    __m256 shifted[Count];
    __m256 p[Count];
    // min and max give their second operand when one is NaN.
    SSM_UNROLL for (std::size_t i = 0; i < Count; ++i) x[i] =
        _mm256_min_ps(_mm256_set1_ps(128.0F), _mm256_max_ps(_mm256_set1_ps(-127.0F), x[i]));
    SSM_UNROLL for (std::size_t i = 0; i < Count; ++i) shifted[i] = _mm256_add_ps(x[i], shift);
    SSM_UNROLL for (std::size_t i = 0; i < Count; ++i) x[i] = _mm256_sub_ps(x[i], _mm256_sub_ps(shifted[i], shift));
    SSM_UNROLL for (std::size_t i = 0; i < Count; ++i) p[i] = _mm256_set1_ps(exp2_terms[0]);
    for (std::size_t k = 1; k < std::size(exp2_terms); ++k) times_plus(p, x, exp2_terms[k]);
    SSM_UNROLL for (std::size_t i = 0; i < Count; ++i) x[i] =
        _mm256_mul_ps(p[i], _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(shifted[i]), 23)));
}

/// All ones in the first `count` lanes.
[[SSM_TARGET_AVX2, gnu::always_inline]] inline __m256i first_lanes(index count) noexcept {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

/// The first `count` lanes, with zeros behind them.
[[SSM_TARGET_AVX2, gnu::always_inline]] inline __m256 load_first(const float* from, index count) noexcept {
    return count >= 8 ? _mm256_loadu_ps(from) : _mm256_maskload_ps(from, first_lanes(count));
}

/// The first `count` lanes. A store with a mask takes some processors 40 instructions, whatever the mask.
[[SSM_TARGET_AVX2, gnu::always_inline]] inline void store_first(float* to, __m256 value, index count) noexcept {
    if (count >= 8)
        _mm256_storeu_ps(to, value);
    else
        _mm256_maskstore_ps(to, first_lanes(count), value);
}

/// `States` states of 8 channels, from channel ch and state n on, over the tokens of a tile.
template <std::size_t States>
[[SSM_TARGET_AVX2]] void scan_states(const scan_tile& tile, index ch, index n) noexcept {
    constexpr std::size_t together = std::min<std::size_t>(States, 4);
    const index count = tile.h.columns() - ch;
    __m256 rate[States];
    __m256 state[States];
    SSM_UNROLL for (std::size_t i = 0; i < States; ++i) {
        const index row = n + static_cast<index>(i);
        rate[i] =
            _mm256_mul_ps(load_first(tile.a.data() + row * tile.a.stride() + ch, count), _mm256_set1_ps(log2_of_e));
        state[i] = load_first(tile.h.data() + row * tile.h.stride() + ch, count);
    }
    for (index t = 0; t < tile.tokens(); ++t) {
        tile.ask_ahead(t);
        const index at = t * scan_tile::channels + ch;
        const __m256 dt = _mm256_loadu_ps(tile.dt + at);
        const __m256 input = _mm256_mul_ps(dt, _mm256_loadu_ps(tile.x + at));
        __m256 sum = _mm256_loadu_ps(tile.y + at);
        const float* const b = tile.b.data() + t * tile.b.stride() + n;
        const float* const c = tile.c.data() + t * tile.c.stride() + n;
        SSM_UNROLL for (std::size_t first = 0; first < States; first += together) {
            __m256 decay[together];
            SSM_UNROLL for (std::size_t i = 0; i < together; ++i) decay[i] = _mm256_mul_ps(dt, rate[first + i]);
            exp2(decay);
            SSM_UNROLL for (std::size_t i = 0; i < together; ++i) {
                __m256& s = state[first + i];
                s = _mm256_fmadd_ps(decay[i], s, _mm256_mul_ps(input, _mm256_broadcast_ss(b + first + i)));
                sum = _mm256_fmadd_ps(s, _mm256_broadcast_ss(c + first + i), sum);
            }
        }
        _mm256_storeu_ps(tile.y + at, sum);
    }
    SSM_UNROLL for (std::size_t i = 0; i < States; ++i)
        store_first(tile.h.data() + (n + static_cast<index>(i)) * tile.h.stride() + ch, state[i], count);
}

inline void scan_selective(const scan_tile& tile) noexcept {
    for (index ch = 0; ch < tile.h.columns(); ch += 8) {
        index n = 0;
        for (; n + 8 <= tile.h.rows(); n += 8) scan_states<8>(tile, ch, n);
        for (; n < tile.h.rows(); ++n) scan_states<1>(tile, ch, n);
    }
}

}  // namespace ssm::cpu_kernels::avx2

#endif
