// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#if defined(__x86_64__)

#include <ssm/backend/cpu/instruction_set.hpp>
#include <ssm/backend/cpu/lanes.hpp>
#include <ssm/backend/cpu/panel_tile.hpp>
#include <ssm/core/dtype.hpp>

#include <immintrin.h>

#include <cstring>

/// \file
/// The kernels of `panel_tile` for AVX2: a column of a panel is four vectors of 8 rows.
namespace ssm::cpu_kernels::avx2 {

inline constexpr std::size_t quarters = 4;

/// Column `k` of 8 rows, widened. Written for each type: f16 has an instruction, a bf16 is the
/// upper half of a float.
template <stored_element W>
[[SSM_TARGET_AVX2, gnu::always_inline]] inline __m256 load_column(const std::byte* weights, index k,
                                                                  index first_row) noexcept {
    if constexpr (std::is_same_v<W, float>) {
        return _mm256_loadu_ps(reinterpret_cast<const float*>(weights) + k * panel::rows + first_row);
    } else if constexpr (std::is_same_v<W, f16>) {
        return _mm256_cvtph_ps(_mm_loadu_si128(
            reinterpret_cast<const __m128i*>(weights + (k * panel::rows + first_row) * index{sizeof(f16)})));
    } else {
        const __m256i pairs = _mm256_loadu_si256(
            reinterpret_cast<const __m256i*>(weights + (k / 2 * panel::rows + first_row) * 2 * index{sizeof(bf16)}));
        return _mm256_castsi256_ps(k % 2 == 0 ? _mm256_slli_epi32(pairs, 16)
                                              : _mm256_and_si256(pairs, _mm256_set1_epi32(-65536)));
    }
}

/// sums[t] += column * x[t, k].
template <stored_element W, std::size_t Tokens>
[[SSM_TARGET_AVX2, gnu::always_inline]] inline void add_column(const panel_tile& tile, const std::byte* weights,
                                                               index k, __m256 (&sums)[Tokens][quarters]) noexcept {
    __m256 inputs[Tokens];
    SSM_UNROLL for (std::size_t t = 0; t < Tokens; ++t) inputs[t] =
        _mm256_broadcast_ss(reinterpret_cast<const float*>(tile.inputs(t)) + k);
    SSM_UNROLL for (std::size_t q = 0; q < quarters; ++q) {
        const __m256 column = load_column<W>(weights, k, static_cast<index>(q) * 8);
        SSM_UNROLL for (std::size_t t = 0; t < Tokens; ++t) sums[t][q] = _mm256_fmadd_ps(column, inputs[t], sums[t][q]);
    }
}

template <std::size_t Tokens, std::size_t Panels>
[[SSM_TARGET_AVX2, gnu::always_inline]] inline void clear(__m256 (&sums)[Panels][Tokens][quarters]) noexcept {
    SSM_UNROLL for (auto& panel : sums) SSM_UNROLL for (auto& token : panel) SSM_UNROLL for (__m256& quarter : token)
        quarter = _mm256_setzero_ps();
}

template <std::size_t Tokens, std::size_t Panels>
[[SSM_TARGET_AVX2, gnu::always_inline]] inline void add_to(const panel_tile& tile,
                                                           const __m256 (&sums)[Panels][Tokens][quarters]) noexcept {
    SSM_UNROLL for (std::size_t p = 0; p < Panels; ++p) {
        SSM_UNROLL for (std::size_t t = 0; t < Tokens; ++t) SSM_UNROLL for (std::size_t q = 0; q < quarters; ++q) {
            float* const to = tile.sums_of(p + t) + q * 8;
            _mm256_storeu_ps(to, _mm256_add_ps(_mm256_loadu_ps(to), sums[p][t][q]));
        }
    }
}

/// Several tokens or several panels. Nothing asks for weights: of two streams and four a Zen 1 does better by itself, and one
/// is a remainder.
template <stored_element W, std::size_t Tokens, std::size_t Panels = 1>
[[SSM_TARGET_AVX2]] void multiply(const panel_tile& tile) noexcept {
    __m256 sums[Panels][Tokens][quarters];
    clear(sums);
    constexpr index together = std::is_same_v<W, bf16> ? 2 : 1;
    for (index k = 0; k < tile.depth; k += together) {
        SSM_UNROLL for (std::size_t p = 0; p < Panels; ++p) {
            const std::byte* const weights = tile.weights_of(p);
            add_column<W>(tile, weights, k, sums[p]);
            if constexpr (together == 2) add_column<W>(tile, weights, k + 1, sums[p]);
        }
    }
    add_to(tile, sums);
}

/// Products of 4 unsigned and signed bytes a lane, in two sums of 16 bits: at most 2 * 15 * 127 each, so that eight fit.
[[SSM_TARGET_AVX2, gnu::always_inline]] inline __m256i add_products(__m256i sum, __m256i nibbles,
                                                                    __m256i inputs) noexcept {
    return _mm256_add_epi16(sum, _mm256_maddubs_epi16(nibbles, inputs));
}

/// Four quants of a token in every lane.
[[SSM_TARGET_AVX2, gnu::always_inline]] inline __m256i inputs_at(const std::byte* x) noexcept {
    std::int32_t four;
    std::memcpy(&four, x, sizeof four);
    return _mm256_set1_epi32(four);
}

/// The integer sums of block b for `Eights` times 8 rows, whose quants begin at `weights`. AVX2's products of bytes are exact
/// below 128 only: quants of 8 bits are 16 times their upper nibbles plus their lower ones.
template <quantized_block_type B, std::size_t Tokens, std::size_t Eights>
[[SSM_TARGET_AVX2, gnu::always_inline]] inline void sum_block(const panel_tile& tile, index b, const std::byte* weights,
                                                              __m256i (&result)[Tokens][Eights]) noexcept {
    constexpr bool is_q8 = std::is_same_v<B, q8_block>;
    constexpr index columns = is_q8 ? quantized_block : quantized_block / 2;
    const __m256i lower_half = _mm256_set1_epi8(15);
    __m256i lower[Tokens][Eights];
    __m256i upper[Tokens][Eights];
    SSM_UNROLL for (std::size_t t = 0; t < Tokens; ++t) {
        SSM_UNROLL for (std::size_t e = 0; e < Eights; ++e) lower[t][e] = upper[t][e] = _mm256_setzero_si256();
    }
    for (index i = 0; i < columns; i += panel::columns_together) {
        SSM_UNROLL for (std::size_t e = 0; e < Eights; ++e) {
            const __m256i quants = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(weights + i * panel::rows) + e);
            const __m256i low = _mm256_and_si256(quants, lower_half);
            const __m256i high = _mm256_and_si256(_mm256_srli_epi16(quants, 4), lower_half);
            SSM_UNROLL for (std::size_t t = 0; t < Tokens; ++t) {
                const std::byte* const inputs = tile.inputs(t) + b * quantized_block + i;
                lower[t][e] = add_products(lower[t][e], low, inputs_at(inputs));
                upper[t][e] = add_products(upper[t][e], high, inputs_at(is_q8 ? inputs : inputs + columns));
            }
        }
    }
    const __m256i one = _mm256_set1_epi16(1);
    const __m256i upper_unit = _mm256_set1_epi16(is_q8 ? 16 : 1);
    SSM_UNROLL for (std::size_t t = 0; t < Tokens; ++t) {
        const __m256i offset = _mm256_set1_epi32(tile.block(t, b).offset);
        SSM_UNROLL for (std::size_t e = 0; e < Eights; ++e) {
            const __m256i products =
                _mm256_add_epi32(_mm256_madd_epi16(lower[t][e], one), _mm256_madd_epi16(upper[t][e], upper_unit));
            result[t][e] = _mm256_add_epi32(products, offset);
        }
    }
}

/// The same of q8 for one token, in three quarters of the time, which several tokens would lose to the signs: the magnitude
/// of an input times the weight with the input's sign. Two products are at most 2 * 127 * 127, which 16 bits hold, and the
/// weights, without their bias, need no offset.
template <std::size_t Eights>
[[SSM_TARGET_AVX2, gnu::always_inline]] inline void sum_signed_block(const panel_tile& tile, index b,
                                                                     const std::byte* weights,
                                                                     __m256i (&result)[1][Eights]) noexcept {
    const __m256i bias = _mm256_set1_epi8(static_cast<char>(tile.bias));
    const __m256i one = _mm256_set1_epi16(1);
    SSM_UNROLL for (std::size_t e = 0; e < Eights; ++e) result[0][e] = _mm256_setzero_si256();
    for (index i = 0; i < quantized_block; i += panel::columns_together) {
        const __m256i inputs = inputs_at(tile.inputs(0) + b * quantized_block + i);
        const __m256i magnitudes = _mm256_abs_epi8(inputs);
        SSM_UNROLL for (std::size_t e = 0; e < Eights; ++e) {
            const __m256i stored = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(weights + i * panel::rows) + e);
            const __m256i quants = _mm256_sign_epi8(_mm256_sub_epi8(stored, bias), inputs);
            result[0][e] =
                _mm256_add_epi32(result[0][e], _mm256_madd_epi16(_mm256_maddubs_epi16(magnitudes, quants), one));
        }
    }
}

/// `Eights` times 8 rows at a time: one token takes all 32, so that weights are read in the order of memory.
template <quantized_block_type B, std::size_t Tokens, std::size_t Eights,
          weights_come Come = weights_come::by_themselves>
[[SSM_TARGET_AVX2]] void multiply_quants(const panel_tile& tile) noexcept {
    constexpr index rows = 8 * Eights;
    for (index first_row = 0; first_row < panel::rows; first_row += rows) {
        __m256 sums[Tokens][Eights];
        SSM_UNROLL for (std::size_t t = 0; t < Tokens; ++t) {
            SSM_UNROLL for (std::size_t e = 0; e < Eights; ++e) sums[t][e] = _mm256_setzero_ps();
        }
        for (index b = 0; b < tile.depth / quantized_block; ++b) {
            const std::byte* const weights = tile.weights + b * panel::block_bytes<B>;
            if constexpr (Come == weights_come::asked_for) ask_ahead<panel::block_bytes<B>>(weights);
            __m256i exact[Tokens][Eights];
            const std::byte* const quants = weights + panel::scale_bytes + first_row * panel::columns_together;
            if constexpr (std::is_same_v<B, q8_block> && Tokens == 1)
                sum_signed_block(tile, b, quants, exact);
            else
                sum_block<B>(tile, b, quants, exact);
            SSM_UNROLL for (std::size_t e = 0; e < Eights; ++e) {
                const std::byte* const at = weights + (first_row + static_cast<index>(e) * 8) * index{sizeof(f16)};
                const __m256 scales = _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at)));
                SSM_UNROLL for (std::size_t t = 0; t < Tokens; ++t) {
                    const __m256 scale = _mm256_mul_ps(scales, _mm256_set1_ps(tile.block(t, b).scale));
                    sums[t][e] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(exact[t][e]), scale, sums[t][e]);
                }
            }
        }
        SSM_UNROLL for (std::size_t t = 0; t < Tokens; ++t) {
            SSM_UNROLL for (std::size_t e = 0; e < Eights; ++e) {
                float* const to = tile.sums_of(t) + first_row + static_cast<index>(e) * 8;
                _mm256_storeu_ps(to, _mm256_add_ps(_mm256_loadu_ps(to), sums[t][e]));
            }
        }
    }
}

// Three tokens are 12 sums, 3 inputs and a column of 16 registers; four are 8 sums of a block, with 4 in float. Quants are
// bound by arithmetic, and one token of them takes one panel.
template <stored_element W>
inline constexpr tile_kernels tiles{
    {{3, 1, multiply<W, 3>}, {1, 4, multiply<W, 1, 4>}, {1, 2, multiply<W, 1, 2>}, {1, 1, multiply<W, 1>}}};
template <quantized_block_type B, weights_come Come>
inline constexpr tile_kernels quant_tiles{{{4, 1, multiply_quants<B, 4, 1>}, {1, 1, multiply_quants<B, 1, 4, Come>}}};
template <weights_come Come>
inline constexpr panel_kernels kernels_where{
    tiles<float>, tiles<bf16>, tiles<f16>, quant_tiles<q8_block, Come>, quant_tiles<q4_block, Come>, {}};

inline constexpr panel_kernels kernels = kernels_where<weights_come::by_themselves>;
inline constexpr panel_kernels kernels_of_intel = kernels_where<weights_come::asked_for>;

}  // namespace ssm::cpu_kernels::avx2

#endif
