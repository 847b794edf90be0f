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
/// The selective recurrence for AVX-512: 16 channels a vector, 16 states in registers.
namespace ssm::cpu_kernels::avx512 {

/// 2^x, at most 2 ulp; 0 and infinity where they are due, NaN for NaN.
[[SSM_TARGET_AVX512, gnu::always_inline]] inline __m512 exp2(__m512 x) noexcept {
    constexpr __mmask16 all = 0xffff;
    const __m512 whole = _mm512_maskz_roundscale_ps(all, x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    const __m512 f = _mm512_sub_ps(x, whole);
    __m512 p = _mm512_set1_ps(exp2_terms[0]);
    SSM_UNROLL for (std::size_t i = 1; i < std::size(exp2_terms); ++i) p =
        _mm512_fmadd_ps(p, f, _mm512_set1_ps(exp2_terms[i]));
    return _mm512_maskz_scalef_ps(all, p, whole);
}

/// `States` states of up to 16 channels, from state n on, over a range of tokens.
template <std::size_t States>
[[SSM_TARGET_AVX512]] void scan_states(const selective<float>& r, const scan_range& range, index n,
                                       matrix_view<float> h, matrix_view<float> y) noexcept {
    const index ch = range.first_channel;
    const index count = std::min<index>(16, range.last_channel - ch);
    const auto lanes = static_cast<__mmask16>((1U << count) - 1U);
    __m512 rate[States];
    __m512 state[States];
    SSM_UNROLL for (std::size_t i = 0; i < States; ++i) {
        const index row = n + static_cast<index>(i);
        rate[i] = _mm512_mul_ps(_mm512_maskz_loadu_ps(lanes, r.a.data() + row * r.a.stride() + ch),
                                _mm512_set1_ps(log2_of_e));
        state[i] = _mm512_maskz_loadu_ps(lanes, h.data() + row * h.stride() + ch);
    }
    for (index t = range.first_token; t < range.last_token; ++t) {
        const __m512 dt = _mm512_maskz_loadu_ps(lanes, r.dt.data() + t * r.dt.stride() + ch);
        const __m512 x = _mm512_maskz_loadu_ps(lanes, r.x.data() + t * r.x.stride() + ch);
        const __m512 input = _mm512_mul_ps(dt, x);
        float* const result = y.data() + t * y.stride() + ch;
        __m512 sum = _mm512_maskz_loadu_ps(lanes, result);
        const float* const b = r.b.data() + t * r.b.stride() + n;
        const float* const c = r.c.data() + t * r.c.stride() + n;
        SSM_UNROLL for (std::size_t i = 0; i < States; ++i) {
            const __m512 decay = exp2(_mm512_mul_ps(dt, rate[i]));
            state[i] = _mm512_fmadd_ps(decay, state[i], _mm512_mul_ps(input, _mm512_set1_ps(b[i])));
            sum = _mm512_fmadd_ps(state[i], _mm512_set1_ps(c[i]), sum);
        }
        _mm512_mask_storeu_ps(result, lanes, sum);
    }
    SSM_UNROLL for (std::size_t i = 0; i < States; ++i)
        _mm512_mask_storeu_ps(h.data() + (n + static_cast<index>(i)) * h.stride() + ch, lanes, state[i]);
}

/// All states of one tile of `scan_range`; y holds what the skip adds and is left with the sums.
inline void scan_selective(const selective<float>& r, const scan_range& range, matrix_view<float> h,
                           matrix_view<float> y) noexcept {
    for (scan_range part = range; part.first_channel < range.last_channel; part.first_channel += 16) {
        index n = 0;
        for (; n + 16 <= h.rows(); n += 16) scan_states<16>(r, part, n, h, y);
        for (; n + 4 <= h.rows(); n += 4) scan_states<4>(r, part, n, h, y);
        for (; n < h.rows(); ++n) scan_states<1>(r, part, n, h, y);
    }
}

}  // namespace ssm::cpu_kernels::avx512

#endif
