// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/dtype.hpp>
#include <ssm/core/error.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>

namespace ssm {

/// \file
/// Weights in 8 and in 4 bits: 32 neighbours of a row share one scale. A row of a matrix is a whole number of blocks, the
/// last one filled up with zeros. Only weight matrices can be written so: a block is no `stored_element`.

/// Weights that share a scale.
inline constexpr index quantized_block = 32;

/// 8.5 bits a weight: weight i is scale * quants[i], quants from -127 to 127.
struct q8_block {
    f16 scale;
    std::int8_t quants[quantized_block];
};

/// 4.5 bits a weight: weight i is scale * (nibble i - 8). Nibble i < 16 is the lower half of byte i, the others the upper
/// halves.
struct q4_block {
    f16 scale;
    std::uint8_t nibbles[quantized_block / 2];
};

static_assert(sizeof(q8_block) == 34 && sizeof(q4_block) == 18);
static_assert(!stored_element<q8_block> && !stored_element<q4_block>);

template <class B>
concept quantized_block_type = std::is_same_v<B, q8_block> || std::is_same_v<B, q4_block>;

/// Calls `f(type_tag<B>{})` with the block type of a quantized dtype.
template <class F>
decltype(auto) with_block_type(dtype type, F&& f) {
    assert(is_quantized(type));
    if (type == dtype::q4) return f(type_tag<q4_block>{});
    return f(type_tag<q8_block>{});
}

/// For what takes matrices of elements only: throws argument_error, for `where`, for a quantized dtype.
inline void refuse_quantized(dtype type, const std::string& where, const char* remedy) {
    if (is_quantized(type))
        throw argument_error({where, "dtype", std::string(name_of(type)), "f32, bf16 or f16", remedy});
}

/// Blocks of a row.
[[nodiscard]] constexpr index blocks_of(index columns) noexcept {
    return (columns + quantized_block - 1) / quantized_block;
}

/// Bytes of a row of `columns` weights in any dtype.
[[nodiscard]] constexpr index row_bytes(dtype type, index columns) noexcept {
    if (type == dtype::q8) return blocks_of(columns) * index{sizeof(q8_block)};
    if (type == dtype::q4) return blocks_of(columns) * index{sizeof(q4_block)};
    return columns * size_of(type);
}

inline void dequantize(const q8_block& block, float* weights) noexcept {
    const float scale = block.scale;
    for (index i = 0; i < quantized_block; ++i) weights[i] = scale * static_cast<float>(block.quants[i]);
}

inline void dequantize(const q4_block& block, float* weights) noexcept {
    constexpr index half = quantized_block / 2;
    const float scale = block.scale;
    for (index i = 0; i < half; ++i) {
        weights[i] = scale * static_cast<float>((block.nibbles[i] & 15) - 8);
        weights[i + half] = scale * static_cast<float>((block.nibbles[i] >> 4) - 8);
    }
}

/// The nearest block of 8 bits: the largest magnitude becomes 127. False when a weight is not finite or beyond what the
/// scale, an f16, can reach (8.3 million); the block then holds nothing of use.
[[nodiscard]] inline bool quantize(const float* weights, q8_block& block) noexcept {
    float largest = 0;
    bool finite = true;
    for (index i = 0; i < quantized_block; ++i) {
        finite = finite && std::isfinite(weights[i]);
        largest = std::max(largest, std::abs(weights[i]));
    }
    block.scale = f16(largest / 127);
    const float scale = block.scale;
    for (index i = 0; i < quantized_block; ++i) {
        const float steps = finite && scale > 0 ? weights[i] / scale : 0.0F;
        block.quants[i] = static_cast<std::int8_t>(std::lrint(std::clamp(steps, -127.0F, 127.0F)));
    }
    return finite && std::isfinite(scale);
}

/// A near block of 4 bits: the weight of the largest magnitude becomes -8, and the scale is then moved to where the
/// squared errors are least for the quants found. False as for 8 bits, from 524,000.
[[nodiscard]] inline bool quantize(const float* weights, q4_block& block) noexcept {
    float largest = 0;
    bool finite = true;
    for (index i = 0; i < quantized_block; ++i) {
        finite = finite && std::isfinite(weights[i]);
        if (std::abs(weights[i]) > std::abs(largest)) largest = weights[i];
    }
    const auto round_to = [&](float scale, index i) {
        const float steps = finite && scale != 0 ? weights[i] / scale : 0.0F;
        return static_cast<int>(std::lrint(std::clamp(steps, -8.0F, 7.0F)));
    };
    const float first_scale = f16(largest / -8);
    float products = 0;
    float squares = 0;
    for (index i = 0; i < quantized_block; ++i) {
        const auto quant = static_cast<float>(round_to(first_scale, i));
        products += quant * weights[i];
        squares += quant * quant;
    }
    block.scale = f16(finite && squares > 0 ? products / squares : 0.0F);
    const float scale = block.scale;
    constexpr index half = quantized_block / 2;
    for (index i = 0; i < half; ++i)
        block.nibbles[i] = static_cast<std::uint8_t>((round_to(scale, i) + 8) | ((round_to(scale, i + half) + 8) << 4));
    return finite && std::isfinite(first_scale) && std::isfinite(scale);
}

}  // namespace ssm
