// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cpu/lanes.hpp>
#include <ssm/backend/cpu/panel_matrix.hpp>
#include <ssm/core/dtype.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>

/// \file
/// Pieces of panels in the form in which many tokens pass by them: nibbles as bytes, halves as floats. All exact, so that a
/// product has the same bits as with the weights as they are packed.
namespace ssm::cpu_kernels {

/// A q4 block of a panel as it lies in q8: the scales, then whole bytes, the lower halves first.
inline void unpack_nibbles(const std::byte* block, std::byte* to) noexcept {
    std::memcpy(to, block, panel::scale_bytes);
    const std::byte* const nibbles = block + panel::scale_bytes;
    std::byte* const quants = to + panel::scale_bytes;
    for (index i = 0; i < panel::q4_bytes; ++i) {
        quants[i] = nibbles[i] & std::byte{15};
        quants[i + panel::q4_bytes] = nibbles[i] >> 4;
    }
}

/// Two columns of a panel of bf16 as they lie in f32.
inline void unpack_pairs(const std::byte* pairs, std::byte* columns) noexcept {
    std::uint32_t packed[panel::rows];
    std::uint32_t widened[2][panel::rows];
    std::memcpy(packed, pairs, sizeof packed);
    for (index row = 0; row < panel::rows; ++row) {
        widened[0][row] = packed[row] << 16;
        widened[1][row] = packed[row] & 0xffff'0000U;
    }
    std::memcpy(columns, widened, sizeof widened);
}

/// A column of a panel of f16 as it lies in f32.
inline void unpack_halves(const std::byte* halves, std::byte* column) noexcept {
    f16 packed[panel::rows];
    float widened[panel::rows];
    std::memcpy(packed, halves, sizeof packed);
    for (index row = 0; row < panel::rows; row += lanes::width) {
        lanes::f32 values;
        lanes::load(values, packed + row);
        lanes::store(widened + row, values);
    }
    std::memcpy(column, widened, sizeof widened);
}

/// What a dtype is unpacked to; itself, where there is nothing to unpack.
[[nodiscard]] constexpr dtype unpacked(dtype type) noexcept {
    switch (type) {
        case dtype::q4: return dtype::q8;
        case dtype::bf16:
        case dtype::f16: return dtype::f32;
        case dtype::q8:
        case dtype::f32: break;
    }
    return type;
}

/// `columns` columns of a panel of q4, bf16 or f16, whole blocks or pairs, in the form of `unpacked(type)`.
inline void unpack(dtype type, const std::byte* from, index columns, std::byte* to) noexcept {
    const index step = type == dtype::q4 ? quantized_block : type == dtype::bf16 ? 2 : 1;
    auto* const work = type == dtype::q4 ? unpack_nibbles : type == dtype::bf16 ? unpack_pairs : unpack_halves;
    for (index k = 0; k < columns; k += step) work(from + panel::bytes(type, k), to + panel::bytes(unpacked(type), k));
}

}  // namespace ssm::cpu_kernels
