// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cpu/panel_tile.hpp>
#include <ssm/backend/cpu/unpacking.hpp>
#include <ssm/core/dtype.hpp>

#include <cstring>

/// \file
/// The kernels of `panel_tile` in C++ that a compiler turns into vectors of whatever the target has.
namespace ssm::cpu_kernels::plain {

template <class T>
T element_at(const std::byte* at) noexcept {
    T element;
    std::memcpy(&element, at, sizeof element);
    return element;
}

/// One column of a panel, widened.
template <stored_element W>
void load_column(const std::byte* weights, index k, float (&column)[panel::rows]) noexcept {
    for (index row = 0; row < panel::rows; ++row) {
        const index place = std::is_same_v<W, bf16> ? (k / 2 * panel::rows + row) * 2 + k % 2 : k * panel::rows + row;
        column[row] = static_cast<float>(element_at<W>(weights + place * index{sizeof(W)}));
    }
}

template <stored_element W, std::size_t Tokens>
void multiply(const panel_tile& tile) noexcept {
    float sums[Tokens][panel::rows] = {};
    for (index k = 0; k < tile.depth; ++k) {
        float column[panel::rows];
        load_column<W>(tile.weights, k, column);
        for (std::size_t t = 0; t < Tokens; ++t) {
            const auto input = element_at<float>(tile.inputs(t) + k * index{sizeof(float)});
            for (index row = 0; row < panel::rows; ++row) sums[t][row] += column[row] * input;
        }
    }
    for (std::size_t t = 0; t < Tokens; ++t)
        for (index row = 0; row < panel::rows; ++row) tile.sums_of(t)[row] += sums[t][row];
}

/// A block as it lies in q8, from q8 or q4.
template <quantized_block_type B>
void load_block(const std::byte* weights, std::byte (&block)[panel::block_bytes<q8_block>]) noexcept {
    if constexpr (std::is_same_v<B, q8_block>) {
        std::memcpy(block, weights, sizeof block);
    } else {
        unpack_nibbles(weights, block);
    }
}

template <quantized_block_type B, std::size_t Tokens>
void multiply_quants(const panel_tile& tile) noexcept {
    float sums[Tokens][panel::rows] = {};
    for (index b = 0; b < tile.depth / quantized_block; ++b) {
        std::byte unpacked[panel::block_bytes<q8_block>];
        load_block<B>(tile.weights + b * panel::block_bytes<B>, unpacked);
        const std::byte* const quants = unpacked + panel::scale_bytes;
        for (std::size_t t = 0; t < Tokens; ++t) {
            const input_block& block = tile.block(t, b);
            const auto* const inputs = reinterpret_cast<const std::int8_t*>(tile.inputs(t)) + b * quantized_block;
            for (index row = 0; row < panel::rows; ++row) {
                std::int32_t sum = block.offset;
                for (index i = 0; i < quantized_block; ++i)
                    sum += std::to_integer<std::int32_t>(quants[panel::place_of_quant(i, row)]) * inputs[i];
                const auto weight_scale = static_cast<float>(element_at<f16>(unpacked + row * index{sizeof(f16)}));
                const float scale = weight_scale * block.scale;
                sums[t][row] += static_cast<float>(sum) * scale;
            }
        }
    }
    for (std::size_t t = 0; t < Tokens; ++t)
        for (index row = 0; row < panel::rows; ++row) tile.sums_of(t)[row] += sums[t][row];
}

template <stored_element W>
inline constexpr tile_kernels tiles{{{4, 1, multiply<W, 4>}, {1, 1, multiply<W, 1>}}};
template <quantized_block_type B>
inline constexpr tile_kernels quant_tiles{{{4, 1, multiply_quants<B, 4>}, {1, 1, multiply_quants<B, 1>}}};

inline constexpr panel_kernels kernels{tiles<float>,          tiles<bf16>,           tiles<f16>,
                                       quant_tiles<q8_block>, quant_tiles<q4_block>, {}};

}  // namespace ssm::cpu_kernels::plain
