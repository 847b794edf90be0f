// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#if defined(__x86_64__)

#include <ssm/backend/cpu/instruction_set.hpp>
#include <ssm/backend/cpu/lanes.hpp>
#include <ssm/backend/cpu/scan_range.hpp>
#include <ssm/core/view.hpp>
#include <ssm/policy/recurrence.hpp>

#include <immintrin.h>

#include <algorithm>
#include <cstddef>

/// \file
/// The selective recurrence for AVX2: 8 channels a vector, 8 states in registers.
namespace ssm::cpu_kernels::avx2 {

/// 2^x, at most 2 ulp from 2^-126 to 2^127; 0 below, infinity from 2^127.5 on, NaN for NaN.
[[SSM_TARGET_AVX2, gnu::always_inline]] inline __m256 exp2(__m256 x) noexcept {
    const __m256 lowest = _mm256_set1_ps(-126.0F);
    // min and max give their second operand when one is NaN.
    const __m256 bounded = _mm256_min_ps(_mm256_set1_ps(128.0F), _mm256_max_ps(lowest, x));
    const __m256 whole = _mm256_round_ps(bounded, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    const __m256 f = _mm256_sub_ps(bounded, whole);
    __m256 p = _mm256_set1_ps(exp2_terms[0]);
    SSM_UNROLL for (std::size_t i = 1; i < std::size(exp2_terms); ++i) p =
        _mm256_fmadd_ps(p, f, _mm256_set1_ps(exp2_terms[i]));
    const __m256i exponent = _mm256_add_epi32(_mm256_cvtps_epi32(whole), _mm256_set1_epi32(127));
    const __m256 power = _mm256_mul_ps(p, _mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23)));
    return _mm256_andnot_ps(_mm256_cmp_ps(x, lowest, _CMP_LT_OQ), power);
}

/// All ones in the first `count` lanes.
[[SSM_TARGET_AVX2, gnu::always_inline]] inline __m256i first_lanes(index count) noexcept {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

/// `States` states of up to 8 channels, from state n on, over a range of tokens.
template <std::size_t States>
[[SSM_TARGET_AVX2]] void scan_states(const selective<float>& r, const scan_range& range, index n, matrix_view<float> h,
                                     matrix_view<float> y) noexcept {
    const index ch = range.first_channel;
    const __m256i lanes = first_lanes(std::min<index>(8, range.last_channel - ch));
    __m256 rate[States];
    __m256 state[States];
    SSM_UNROLL for (std::size_t i = 0; i < States; ++i) {
        const index row = n + static_cast<index>(i);
        rate[i] =
            _mm256_mul_ps(_mm256_maskload_ps(r.a.data() + row * r.a.stride() + ch, lanes), _mm256_set1_ps(log2_of_e));
        state[i] = _mm256_maskload_ps(h.data() + row * h.stride() + ch, lanes);
    }
    for (index t = range.first_token; t < range.last_token; ++t) {
        const __m256 dt = _mm256_maskload_ps(r.dt.data() + t * r.dt.stride() + ch, lanes);
        const __m256 input = _mm256_mul_ps(dt, _mm256_maskload_ps(r.x.data() + t * r.x.stride() + ch, lanes));
        float* const result = y.data() + t * y.stride() + ch;
        __m256 sum = _mm256_maskload_ps(result, lanes);
        const float* const b = r.b.data() + t * r.b.stride() + n;
        const float* const c = r.c.data() + t * r.c.stride() + n;
        SSM_UNROLL for (std::size_t i = 0; i < States; ++i) {
            const __m256 decay = exp2(_mm256_mul_ps(dt, rate[i]));
            state[i] = _mm256_fmadd_ps(decay, state[i], _mm256_mul_ps(input, _mm256_broadcast_ss(b + i)));
            sum = _mm256_fmadd_ps(state[i], _mm256_broadcast_ss(c + i), sum);
        }
        _mm256_maskstore_ps(result, lanes, sum);
    }
    SSM_UNROLL for (std::size_t i = 0; i < States; ++i)
        _mm256_maskstore_ps(h.data() + (n + static_cast<index>(i)) * h.stride() + ch, lanes, state[i]);
}

/// All states of one tile of `scan_range`; y holds what the skip adds and is left with the sums.
inline void scan_selective(const selective<float>& r, const scan_range& range, matrix_view<float> h,
                           matrix_view<float> y) noexcept {
    for (scan_range part = range; part.first_channel < range.last_channel; part.first_channel += 8) {
        index n = 0;
        for (; n + 8 <= h.rows(); n += 8) scan_states<8>(r, part, n, h, y);
        for (; n < h.rows(); ++n) scan_states<1>(r, part, n, h, y);
    }
}

}  // namespace ssm::cpu_kernels::avx2

#endif
