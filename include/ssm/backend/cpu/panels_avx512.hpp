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
/// The kernels of `panel_tile` for AVX-512: a column of a panel is two vectors of 16 rows. Conversions are written with a
/// full mask where g++ 12 warns of an uninitialised value in the form without (GCC bug 105593).
namespace ssm::cpu_kernels::avx512 {

inline constexpr std::size_t halves = 2;
inline constexpr __mmask16 all_lanes = 0xffff;

/// Column `k` of 16 rows, widened.
template <stored_element W>
[[SSM_TARGET_AVX512, gnu::always_inline]] inline __m512 load_column(const std::byte* weights, index k,
                                                                    index first_row) noexcept {
    if constexpr (std::is_same_v<W, float>) {
        return _mm512_loadu_ps(reinterpret_cast<const float*>(weights) + k * panel::rows + first_row);
    } else if constexpr (std::is_same_v<W, f16>) {
        return _mm512_maskz_cvtph_ps(all_lanes, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(
                                                    weights + (k * panel::rows + first_row) * index{sizeof(f16)})));
    } else {
        const __m512i pairs = _mm512_loadu_si512(weights + (k / 2 * panel::rows + first_row) * 2 * index{sizeof(bf16)});
        return _mm512_castsi512_ps(k % 2 == 0 ? _mm512_maskz_slli_epi32(all_lanes, pairs, 16)
                                              : _mm512_and_si512(pairs, _mm512_set1_epi32(-65536)));
    }
}

template <std::size_t Tokens>
[[SSM_TARGET_AVX512, gnu::always_inline]] inline void clear(__m512 (&sums)[Tokens][halves]) noexcept {
    SSM_UNROLL for (std::size_t t = 0; t < Tokens; ++t) SSM_UNROLL for (std::size_t h = 0; h < halves; ++h) sums[t][h] =
        _mm512_setzero_ps();
}

template <std::size_t Tokens>
[[SSM_TARGET_AVX512, gnu::always_inline]] inline void add_to(const panel_tile& tile,
                                                             const __m512 (&sums)[Tokens][halves]) noexcept {
    SSM_UNROLL for (std::size_t t = 0; t < Tokens; ++t) SSM_UNROLL for (std::size_t h = 0; h < halves; ++h) {
        float* const to = tile.sums_of(t) + h * 16;
        _mm512_storeu_ps(to, _mm512_add_ps(_mm512_loadu_ps(to), sums[t][h]));
    }
}

template <stored_element W, std::size_t Tokens>
[[SSM_TARGET_AVX512, gnu::always_inline]] inline void add_column(const panel_tile& tile, index k,
                                                                 __m512 (&sums)[Tokens][halves]) noexcept {
    const __m512 first = load_column<W>(tile.weights, k, 0);
    const __m512 second = load_column<W>(tile.weights, k, 16);
    SSM_UNROLL for (std::size_t t = 0; t < Tokens; ++t) {
        const __m512 input = _mm512_set1_ps(reinterpret_cast<const float*>(tile.inputs(t))[k]);
        sums[t][0] = _mm512_fmadd_ps(first, input, sums[t][0]);
        sums[t][1] = _mm512_fmadd_ps(second, input, sums[t][1]);
    }
}

template <stored_element W, std::size_t Tokens>
[[SSM_TARGET_AVX512]] void multiply(const panel_tile& tile) noexcept {
    __m512 sums[Tokens][halves];
    clear(sums);
    constexpr index together = std::is_same_v<W, bf16> ? 2 : 1;
    for (index k = 0; k < tile.depth; k += together) {
        constexpr index bytes = together * panel::rows * index{sizeof(W)};
        if constexpr (Tokens == 1) ask_ahead<bytes>(tile.weights + k / together * bytes);
        add_column<W>(tile, k, sums);
        if constexpr (together == 2) add_column<W>(tile, k + 1, sums);
    }
    add_to(tile, sums);
}

/// bf16 weights times inputs in bf16, two columns an instruction.
template <std::size_t Tokens>
[[SSM_TARGET_AVX512]] void multiply_pairs(const panel_tile& tile) noexcept {
    __m512 sums[Tokens][halves];
    clear(sums);
    for (index k = 0; k < tile.depth; k += 2) {
        const std::byte* const weights = tile.weights + k * panel::rows * index{sizeof(bf16)};
        if constexpr (Tokens == 1) ask_ahead<128>(weights);
        const auto first = (__m512bh)_mm512_loadu_si512(weights);
        const auto second = (__m512bh)_mm512_loadu_si512(weights + 64);
        SSM_UNROLL for (std::size_t t = 0; t < Tokens; ++t) {
            std::int32_t pair;
            std::memcpy(&pair, tile.inputs(t) + k * index{sizeof(bf16)}, sizeof pair);
            const auto input = (__m512bh)_mm512_set1_epi32(pair);
            sums[t][0] = _mm512_dpbf16_ps(sums[t][0], first, input);
            sums[t][1] = _mm512_dpbf16_ps(sums[t][1], second, input);
        }
    }
    add_to(tile, sums);
}

/// sums[t] += four columns of quants * inputs k to k + 3.
template <std::size_t Tokens>
[[SSM_TARGET_AVX512, gnu::always_inline]] inline void add_quants(__m512i first, __m512i second, const panel_tile& tile,
                                                                 index k, __m512i (&sums)[Tokens][halves]) noexcept {
    SSM_UNROLL for (std::size_t t = 0; t < Tokens; ++t) {
        std::int32_t four;
        std::memcpy(&four, tile.inputs(t) + k, sizeof four);
        const __m512i inputs = _mm512_set1_epi32(four);
        sums[t][0] = _mm512_dpbusd_epi32(sums[t][0], first, inputs);
        sums[t][1] = _mm512_dpbusd_epi32(sums[t][1], second, inputs);
    }
}

/// sums[t] += the products of block b.
template <quantized_block_type B, std::size_t Tokens>
[[SSM_TARGET_AVX512, gnu::always_inline]] inline void add_block(const panel_tile& tile, index b,
                                                                __m512i (&sums)[Tokens][halves]) noexcept {
    const std::byte* const weights = tile.weights + b * panel::block_bytes<B> + panel::scale_bytes;
    const index k = b * quantized_block;
    if constexpr (std::is_same_v<B, q8_block>) {
        SSM_UNROLL for (index i = 0; i < quantized_block; i += panel::columns_together)
            add_quants(_mm512_loadu_si512(weights + i * panel::rows),
                       _mm512_loadu_si512(weights + i * panel::rows + 64), tile, k + i, sums);
    } else {
        const __m512i lower_half = _mm512_set1_epi8(15);
        SSM_UNROLL for (index i = 0; i < quantized_block / 2; i += panel::columns_together) {
            const __m512i first = _mm512_loadu_si512(weights + i * panel::rows);
            const __m512i second = _mm512_loadu_si512(weights + i * panel::rows + 64);
            add_quants(_mm512_and_si512(first, lower_half), _mm512_and_si512(second, lower_half), tile, k + i, sums);
            add_quants(_mm512_and_si512(_mm512_maskz_srli_epi32(all_lanes, first, 4), lower_half),
                       _mm512_and_si512(_mm512_maskz_srli_epi32(all_lanes, second, 4), lower_half), tile,
                       k + i + quantized_block / 2, sums);
        }
    }
}

template <quantized_block_type B, std::size_t Tokens>
[[SSM_TARGET_AVX512]] void multiply_quants(const panel_tile& tile) noexcept {
    __m512 sums[Tokens][halves];
    clear(sums);
    for (index b = 0; b < tile.depth / quantized_block; ++b) {
        const std::byte* const block = tile.weights + b * panel::block_bytes<B>;
        if constexpr (Tokens == 1) ask_ahead<panel::block_bytes<B>>(block);
        __m512i exact[Tokens][halves];
        SSM_UNROLL for (std::size_t t = 0; t < Tokens; ++t) exact[t][0] = exact[t][1] =
            _mm512_set1_epi32(tile.block(t, b).offset);
        add_block<B>(tile, b, exact);
        SSM_UNROLL for (std::size_t h = 0; h < halves; ++h) {
            const __m512 scales =
                _mm512_maskz_cvtph_ps(all_lanes, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(block) + h));
            SSM_UNROLL for (std::size_t t = 0; t < Tokens; ++t) {
                const __m512 scale = _mm512_mul_ps(scales, _mm512_set1_ps(tile.block(t, b).scale));
                sums[t][h] = _mm512_fmadd_ps(_mm512_maskz_cvtepi32_ps(all_lanes, exact[t][h]), scale, sums[t][h]);
            }
        }
    }
    add_to(tile, sums);
}

// Twelve tokens are 24 sums, a column and an input of 32 registers; six of quants are 12 sums twice.
template <stored_element W>
inline constexpr tile_kernels tiles{{{12, multiply<W, 12>}, {4, multiply<W, 4>}, {1, multiply<W, 1>}}};
template <quantized_block_type B>
inline constexpr tile_kernels quant_tiles{
    {{6, multiply_quants<B, 6>}, {2, multiply_quants<B, 2>}, {1, multiply_quants<B, 1>}}};

inline constexpr panel_kernels kernels_without_pairs{tiles<float>,          tiles<bf16>,           tiles<f16>,
                                                     quant_tiles<q8_block>, quant_tiles<q4_block>, {}};
inline constexpr panel_kernels kernels{tiles<float>,
                                       tiles<bf16>,
                                       tiles<f16>,
                                       quant_tiles<q8_block>,
                                       quant_tiles<q4_block>,
                                       {{{12, multiply_pairs<12>}, {4, multiply_pairs<4>}, {1, multiply_pairs<1>}}}};

}  // namespace ssm::cpu_kernels::avx512

#endif
