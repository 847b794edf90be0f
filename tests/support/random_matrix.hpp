// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/quantized.hpp>
#include <ssm/core/tensor.hpp>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <vector>

#include "support/random_values.hpp"

namespace ssm::test {

/// A matrix of random values rounded to `type`, as a checkpoint would hold it, and the same exactly.
struct random_matrix {
    random_matrix(index rows, index columns, dtype type, unsigned seed = 7) {
        const std::vector<float> values = random_values(rows * columns, -1.0F, 1.0F, seed);
        bytes.resize(static_cast<std::size_t>(rows * row_bytes(type, columns)));
        for (index row = 0; row < rows; ++row)
            write_row(type, values.data() + row * columns, columns, bytes.data() + row * row_bytes(type, columns));
        tensor = {"random", type, {rows, columns}, bytes, nullptr};
        std::vector<float> widened(static_cast<std::size_t>(blocks_of(columns) * quantized_block));
        for (index row = 0; row < rows; ++row) {
            const index padded = static_cast<index>(widened.size());
            read_numbers(tensor, row, 0, is_quantized(type) ? padded : columns, widened.data());
            exact.insert(exact.end(), widened.begin(), widened.begin() + columns);
        }
    }

    std::vector<std::byte> bytes;
    std::vector<double> exact;
    stored_tensor tensor;

private:
    static void write_row(dtype type, const float* values, index columns, std::byte* to) {
        if (!is_quantized(type)) {
            with_storage_type(type, [&]<class T>(type_tag<T>) {
                for (index k = 0; k < columns; ++k) {
                    const T stored(values[k]);
                    std::memcpy(to + k * index{sizeof(T)}, &stored, sizeof(T));
                }
            });
            return;
        }
        with_block_type(type, [&]<class B>(type_tag<B>) {
            for (index k = 0; k < columns; k += quantized_block, to += sizeof(B)) {
                float padded[quantized_block] = {};
                std::copy_n(values + k, std::min(quantized_block, columns - k), padded);
                B block;
                (void)quantize(padded, block);
                std::memcpy(to, &block, sizeof(B));
            }
        });
    }
};

}  // namespace ssm::test
