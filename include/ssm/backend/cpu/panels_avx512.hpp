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
///
/// One token takes four panels at a time where that is faster: not of quants on AMD's cores.
namespace ssm::cpu_kernels::avx512 {

inline constexpr std::size_t halves = 2;
inline constexpr __mmask16 all_lanes = 0xffff;

/// Asks for a line of each token of the next tile, while this one is at the same bytes of its own: up to 6 KiB, which lie in
/// the second-level cache.
template <std::size_t Tokens>
[[gnu::always_inline]] inline void ask_for_next_tile(const panel_tile& tile, index byte) noexcept {
    if constexpr (Tokens > 1) {
        if (byte % 64 == 0)
            SSM_UNROLL for (std::size_t t = 0; t < Tokens; ++t)
                ask_for_line<3>(tile.inputs(t), index{Tokens} * panel_tile::token_bytes + byte);
    }
}

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

/// The sums of a tile: of several tokens or of several panels.
template <std::size_t Tokens, std::size_t Panels>
    requires(Tokens == 1 || Panels == 1)
using tile_sums = __m512[Panels][Tokens][halves];

template <std::size_t Tokens, std::size_t Panels>
[[SSM_TARGET_AVX512, gnu::always_inline]] inline void clear(__m512 (&sums)[Panels][Tokens][halves]) noexcept {
    SSM_UNROLL for (auto& panel : sums) SSM_UNROLL for (auto& token : panel) SSM_UNROLL for (__m512& half : token)
        half = _mm512_setzero_ps();
}

template <std::size_t Tokens, std::size_t Panels>
[[SSM_TARGET_AVX512, gnu::always_inline]] inline void add_to(const panel_tile& tile,
                                                             const __m512 (&sums)[Panels][Tokens][halves]) noexcept {
    SSM_UNROLL for (std::size_t p = 0; p < Panels; ++p) {
        SSM_UNROLL for (std::size_t t = 0; t < Tokens; ++t) SSM_UNROLL for (std::size_t h = 0; h < halves; ++h) {
            float* const to = tile.sums_of(p + t) + h * 16;
            _mm512_storeu_ps(to, _mm512_add_ps(_mm512_loadu_ps(to), sums[p][t][h]));
        }
    }
}

/// sums[t] += column k of a panel * x[t, k].
template <stored_element W, std::size_t Tokens>
[[SSM_TARGET_AVX512, gnu::always_inline]] inline void add_column(const panel_tile& tile, const std::byte* weights,
                                                                 index k, __m512 (&sums)[Tokens][halves]) noexcept {
    const __m512 first = load_column<W>(weights, k, 0);
    const __m512 second = load_column<W>(weights, k, 16);
    SSM_UNROLL for (std::size_t t = 0; t < Tokens; ++t) {
        const __m512 input = _mm512_set1_ps(reinterpret_cast<const float*>(tile.inputs(t))[k]);
        sums[t][0] = _mm512_fmadd_ps(first, input, sums[t][0]);
        sums[t][1] = _mm512_fmadd_ps(second, input, sums[t][1]);
    }
}

template <stored_element W, std::size_t Tokens, std::size_t Panels = 1, weights_come Come = weights_come::by_themselves>
[[SSM_TARGET_AVX512]] void multiply(const panel_tile& tile) noexcept {
    tile_sums<Tokens, Panels> sums;
    clear(sums);
    constexpr index together = std::is_same_v<W, bf16> ? 2 : 1;
    constexpr index bytes = together * panel::rows * index{sizeof(W)};
    for (index k = 0; k < tile.depth; k += together) {
        ask_for_next_tile<Tokens>(tile, k * index{sizeof(float)});
        SSM_UNROLL for (std::size_t p = 0; p < Panels; ++p) {
            const std::byte* const weights = tile.weights_of(p);
            if constexpr (Come == weights_come::asked_for) ask_ahead<bytes>(weights + k / together * bytes);
            add_column<W>(tile, weights, k, sums[p]);
            if constexpr (together == 2) add_column<W>(tile, weights, k + 1, sums[p]);
        }
    }
    add_to(tile, sums);
}

/// bf16 weights times inputs in bf16, two columns an instruction.
template <std::size_t Tokens, std::size_t Panels = 1>
[[SSM_TARGET_AVX512]] void multiply_pairs(const panel_tile& tile) noexcept {
    tile_sums<Tokens, Panels> sums;
    clear(sums);
    for (index k = 0; k < tile.depth; k += 2) {
        ask_for_next_tile<Tokens>(tile, k * index{sizeof(bf16)});
        SSM_UNROLL for (std::size_t p = 0; p < Panels; ++p) {
            const std::byte* const weights = tile.weights_of(p) + k * panel::rows * index{sizeof(bf16)};
            const auto first = (__m512bh)_mm512_loadu_si512(weights);
            const auto second = (__m512bh)_mm512_loadu_si512(weights + 64);
            SSM_UNROLL for (std::size_t t = 0; t < Tokens; ++t) {
                std::int32_t pair;
                std::memcpy(&pair, tile.inputs(t) + k * index{sizeof(bf16)}, sizeof pair);
                const auto input = (__m512bh)_mm512_set1_epi32(pair);
                sums[p][t][0] = _mm512_dpbf16_ps(sums[p][t][0], first, input);
                sums[p][t][1] = _mm512_dpbf16_ps(sums[p][t][1], second, input);
            }
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

/// sums[t] += the bytes of a block, of which `mask` is taken, * inputs from k on.
template <quantized_block_type B, std::size_t Tokens>
[[SSM_TARGET_AVX512, gnu::always_inline]] inline void add_bytes(const std::byte* quants, __m512i mask,
                                                                const panel_tile& tile, index k,
                                                                __m512i (&sums)[Tokens][halves]) noexcept {
    constexpr index columns = (panel::block_bytes<B> - panel::scale_bytes) / panel::rows;
    SSM_UNROLL for (index i = 0; i < columns; i += panel::columns_together) {
        const __m512i first = _mm512_loadu_si512(quants + i * panel::rows);
        const __m512i second = _mm512_loadu_si512(quants + i * panel::rows + 64);
        add_quants(_mm512_and_si512(first, mask), _mm512_and_si512(second, mask), tile, k + i, sums);
    }
}

/// sums[t] = the products of a block and its offset. Upper halves of bytes are multiplied where they are, as 16 times their
/// value, and their sum is shifted: exact as well.
template <quantized_block_type B, std::size_t Tokens>
[[SSM_TARGET_AVX512, gnu::always_inline]] inline void sum_block(const std::byte* quants, const panel_tile& tile,
                                                                index b, __m512i (&sums)[Tokens][halves]) noexcept {
    constexpr bool halved = std::is_same_v<B, q4_block>;
    const index k = b * quantized_block;
    if constexpr (halved) {
        SSM_UNROLL for (auto& token : sums) token[0] = token[1] = _mm512_setzero_si512();
        add_bytes<B>(quants, _mm512_set1_epi8(-16), tile, k + quantized_block / 2, sums);
    }
    SSM_UNROLL for (std::size_t t = 0; t < Tokens; ++t) {
        const __m512i offset = _mm512_set1_epi32(tile.block(t, b).offset);
        SSM_UNROLL for (__m512i& sum : sums[t]) sum =
            halved ? _mm512_add_epi32(_mm512_maskz_srai_epi32(all_lanes, sum, 4), offset) : offset;
    }
    add_bytes<B>(quants, _mm512_set1_epi8(halved ? 15 : -1), tile, k, sums);
}

/// sums[t] += the products of block b of a panel.
template <quantized_block_type B, std::size_t Tokens>
[[SSM_TARGET_AVX512, gnu::always_inline]] inline void add_block(const std::byte* block, const panel_tile& tile, index b,
                                                                __m512 (&sums)[Tokens][halves]) noexcept {
    __m512i exact[Tokens][halves];
    sum_block<B>(block + panel::scale_bytes, tile, b, exact);
    SSM_UNROLL for (std::size_t h = 0; h < halves; ++h) {
        const __m512 scales =
            _mm512_maskz_cvtph_ps(all_lanes, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(block) + h));
        SSM_UNROLL for (std::size_t t = 0; t < Tokens; ++t) {
            const __m512 scale = _mm512_mul_ps(scales, _mm512_set1_ps(tile.block(t, b).scale));
            sums[t][h] = _mm512_fmadd_ps(_mm512_maskz_cvtepi32_ps(all_lanes, exact[t][h]), scale, sums[t][h]);
        }
    }
}

template <quantized_block_type B, std::size_t Tokens, std::size_t Panels = 1,
          weights_come Come = weights_come::by_themselves>
[[SSM_TARGET_AVX512]] void multiply_quants(const panel_tile& tile) noexcept {
    tile_sums<Tokens, Panels> sums;
    clear(sums);
    for (index b = 0; b < tile.depth / quantized_block; ++b) {
        ask_for_next_tile<Tokens>(tile, b * quantized_block);
        SSM_UNROLL for (std::size_t p = 0; p < Panels; ++p) {
            const std::byte* const block = tile.weights_of(p) + b * panel::block_bytes<B>;
            if constexpr (Come == weights_come::asked_for) ask_ahead<panel::block_bytes<B>>(block);
            add_block<B>(block, tile, b, sums[p]);
        }
    }
    add_to(tile, sums);
}

// Twelve tokens are 24 sums, a column and an input of 32 registers; six of quants are 12 sums twice.
template <stored_element W>
inline constexpr tile_kernels tiles{
    {{12, 1, multiply<W, 12>}, {4, 1, multiply<W, 4>}, {1, 4, multiply<W, 1, 4>}, {1, 1, multiply<W, 1>}}};
template <quantized_block_type B>
inline constexpr tile_kernels quant_tiles{{{6, 1, multiply_quants<B, 6>},
                                           {4, 1, multiply_quants<B, 4>},
                                           {2, 1, multiply_quants<B, 2>},
                                           {1, 1, multiply_quants<B, 1>}}};
inline constexpr tile_kernels pair_tiles{
    {{12, 1, multiply_pairs<12>}, {4, 1, multiply_pairs<4>}, {1, 4, multiply_pairs<1, 4>}, {1, 1, multiply_pairs<1>}}};

inline constexpr panel_kernels kernels{tiles<float>,          tiles<bf16>,           tiles<f16>,
                                       quant_tiles<q8_block>, quant_tiles<q4_block>, pair_tiles};

template <stored_element W>
inline constexpr tile_kernels tiles_of_intel{{{12, 1, multiply<W, 12>},
                                              {4, 1, multiply<W, 4>},
                                              {1, 4, multiply<W, 1, 4>},
                                              {1, 2, multiply<W, 1, 2, weights_come::asked_for>},
                                              {1, 1, multiply<W, 1, 1, weights_come::asked_for>}}};
template <quantized_block_type B>
inline constexpr tile_kernels quant_tiles_of_intel{{{6, 1, multiply_quants<B, 6>},
                                                    {4, 1, multiply_quants<B, 4>},
                                                    {2, 1, multiply_quants<B, 2>},
                                                    {1, 4, multiply_quants<B, 1, 4>},
                                                    {1, 2, multiply_quants<B, 1, 2, weights_come::asked_for>},
                                                    {1, 1, multiply_quants<B, 1, 1, weights_come::asked_for>}}};

/// Without pairs: an instruction of them takes four times as long there for twice the work of floats (86 and 179 billion
/// operations a second, Emerald Rapids). Their matrix tiles are for that.
inline constexpr panel_kernels kernels_of_intel{
    tiles_of_intel<float>,          tiles_of_intel<bf16>,           tiles_of_intel<f16>,
    quant_tiles_of_intel<q8_block>, quant_tiles_of_intel<q4_block>, {}};

}  // namespace ssm::cpu_kernels::avx512

#endif
