// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/dtype.hpp>
#include <ssm/core/quantized.hpp>

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstring>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace ssm {

/// Numbers in a tensor of this shape.
[[nodiscard]] inline index count_of(std::span<const index> shape) {
    index count = 1;
    for (const index extent : shape) count *= extent;
    return count;
}

/// Its outermost extent; 1 for a single number.
[[nodiscard]] inline index rows_of(std::span<const index> shape) { return shape.empty() ? 1 : shape[0]; }

/// A named tensor in host memory as a checkpoint stores it: little-endian, row-major, possibly misaligned.
/// The bytes stay valid as long as `owner` lives; whoever keeps pointing at them keeps a copy of it.
struct stored_tensor {
    std::string name;
    dtype type = dtype::f32;
    std::vector<index> shape;           ///< outermost dimension first, in numbers; of a quantized one (rows, columns)
    std::span<const std::byte> bytes;   ///< exactly as many as `shape` has numbers of `type`
    std::shared_ptr<const void> owner;  ///< the mapping or allocation behind `bytes`

    /// Lets go of the memory behind a part of `bytes` that is not needed soon; it is read from its file again when it is.
    /// None where there is no file behind them.
    std::function<void(std::span<const std::byte> part)> let_go = nullptr;
};

/// Numbers [first, first + count) of a row of a tensor (rows, ...), widened. In a quantized one, both are multiples of 32,
/// and what lies behind the last column is zero.
inline void read_numbers(const stored_tensor& tensor, index row, index first, index count, float* to) {
    const index columns = count_of(tensor.shape) / std::max<index>(1, rows_of(tensor.shape));
    const std::byte* const start = tensor.bytes.data() + row * row_bytes(tensor.type, columns);
    if (is_quantized(tensor.type)) {
        assert(first % quantized_block == 0 && count % quantized_block == 0);
        with_block_type(tensor.type, [&]<class B>(type_tag<B>) {
            for (index i = 0; i < count; i += quantized_block) {
                B block;
                std::memcpy(&block, start + (first + i) / quantized_block * index{sizeof(B)}, sizeof(B));
                dequantize(block, to + i);
            }
        });
        return;
    }
    with_storage_type(tensor.type, [&]<class T>(type_tag<T>) {
        for (index i = 0; i < count; ++i) {
            T element;
            std::memcpy(&element, start + (first + i) * index{sizeof(T)}, sizeof(T));
            to[i] = static_cast<float>(element);
        }
    });
}

/// "[2, 3]", for messages.
[[nodiscard]] inline std::string shape_text(std::span<const index> shape) {
    std::string text = "[";
    for (std::size_t d = 0; d < shape.size(); ++d) text += (d == 0 ? "" : ", ") + std::to_string(shape[d]);
    return text + "]";
}

}  // namespace ssm
