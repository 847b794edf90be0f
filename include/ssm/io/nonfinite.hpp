// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/tensor.hpp>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ssm {

/// A weight that is NaN or infinite.
struct nonfinite_weight {
    std::string tensor;
    index position;  ///< in the flattened tensor
    float value;
};

/// Where the first NaN or infinity of a tensor is, in its flattened numbers, and which of them it is.
[[nodiscard]] inline std::optional<std::pair<index, float>> first_nonfinite(const stored_tensor& tensor) {
    constexpr index at_once = 8 * quantized_block;
    float values[at_once];
    const index rows = rows_of(tensor.shape);
    const index columns = rows > 0 ? count_of(tensor.shape) / rows : 0;
    for (index row = 0; row < rows; ++row)
        for (index first = 0; first < columns; first += at_once) {
            const index count = std::min(at_once, columns - first);
            const bool in_blocks = is_quantized(tensor.type);
            read_numbers(tensor, row, first, in_blocks ? blocks_of(count) * quantized_block : count, values);
            for (index i = 0; i < count; ++i)
                if (!std::isfinite(values[i])) return std::pair(row * columns + first + i, values[i]);
        }
    return std::nullopt;
}

/// The first NaN or infinity of each tensor that has one, in the order of `names()`. Reads every weight once.
/// Throws format_error for a tensor of a type that weights cannot have.
template <class Checkpoint>
[[nodiscard]] std::vector<nonfinite_weight> find_nonfinite(const Checkpoint& checkpoint) {
    std::vector<nonfinite_weight> found;
    for (const std::string& name : checkpoint.names()) {
        if (const auto first = first_nonfinite(*checkpoint.find(name)))
            found.push_back({name, first->first, first->second});
    }
    return found;
}

}  // namespace ssm
