// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/error.hpp>
#include <ssm/core/quantized.hpp>
#include <ssm/core/tensor.hpp>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

/// \file
/// Which tensors of a checkpoint are weight matrices, and their quantized bytes.
namespace ssm::tools {

/// Whether a model takes the tensor of this name as a matrix, which has a dtype to choose: embedding, head and the four
/// projections of a layer.
[[nodiscard]] inline bool is_weight_matrix(std::string_view name) {
    static constexpr std::string_view endings[] = {"backbone.embedding.weight",
                                                   "backbone.embeddings.weight",
                                                   "lm_head.weight",
                                                   ".in_proj.weight",
                                                   ".x_proj.weight",
                                                   ".dt_proj.weight",
                                                   ".out_proj.weight"};
    return std::any_of(std::begin(endings), std::end(endings),
                       [name](std::string_view ending) { return name.ends_with(ending); });
}

/// A matrix in blocks, row by row. Throws format_error for a weight that they cannot hold.
template <quantized_block_type B>
[[nodiscard]] std::vector<std::byte> quantized_bytes(const stored_tensor& tensor, const std::string& source) {
    const index rows = tensor.shape[0];
    const index columns = tensor.shape[1];
    std::vector<std::byte> bytes(static_cast<std::size_t>(rows * blocks_of(columns)) * sizeof(B));
    std::byte* to = bytes.data();
    for (index row = 0; row < rows; ++row)
        for (index k = 0; k < columns; k += quantized_block, to += sizeof(B)) {
            float values[quantized_block] = {};
            read_numbers(tensor, row, k, std::min(quantized_block, columns - k), values);
            B block;
            if (!quantize(values, block))
                throw format_error({source, "tensor " + tensor.name + ", row " + std::to_string(row),
                                    "a weight that is not finite or too large", "one that a quantized block can hold",
                                    "leave this checkpoint as it is"});
            std::memcpy(to, &block, sizeof(B));
        }
    return bytes;
}

}  // namespace ssm::tools
