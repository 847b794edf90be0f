// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/dtype.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace ssm {

/// A named tensor in host memory as a checkpoint stores it: little-endian, row-major, possibly misaligned.
/// The bytes stay valid as long as `owner` lives; whoever keeps pointing at them keeps a copy of it.
struct stored_tensor {
    std::string name;
    dtype type = dtype::f32;
    std::vector<index> shape;           ///< outermost dimension first
    std::span<const std::byte> bytes;   ///< exactly the product of `shape` times `size_of(type)` bytes
    std::shared_ptr<const void> owner;  ///< the mapping or allocation behind `bytes`
};

/// "[2, 3]", for messages.
[[nodiscard]] inline std::string shape_text(std::span<const index> shape) {
    std::string text = "[";
    for (std::size_t d = 0; d < shape.size(); ++d) text += (d == 0 ? "" : ", ") + std::to_string(shape[d]);
    return text + "]";
}

}  // namespace ssm
