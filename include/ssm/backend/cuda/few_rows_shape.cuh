// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cuda/context.cuh>
#include <ssm/backend/cuda/reduce.cuh>
#include <ssm/core/view.hpp>

#include <cstddef>

namespace ssm::cuda_kernels {

namespace few_rows {
inline constexpr int threads = 256;
inline constexpr int warps = threads / warp_size;
inline constexpr int group_outputs = 16;
inline constexpr int stage_depth = 128;                   // of a warp
inline constexpr int stage_packs = stage_depth / 32 * 2;  // of weights of a lane
inline constexpr int most_stages = 5;
inline constexpr int most_parts = 4;  // of a cluster
}  // namespace few_rows

/// How a product is cut.
struct few_rows_shape {
    int splits;   // warps that share the depth of a group
    int parts;    // blocks that do
    bool joined;  // those are a cluster
    int stages;   // in the ring

    [[nodiscard]] SSM_HD int groups() const { return few_rows::warps / splits; }
    [[nodiscard]] SSM_HD int outputs() const { return groups() * few_rows::group_outputs; }  // of a block
    [[nodiscard]] SSM_HD int depth() const { return splits * few_rows::stage_depth; }        // of a stage
    /// Elements from a row of x to the next in shared memory: half a line more than the row, so that rows of a tile lie in
    /// other banks.
    [[nodiscard]] SSM_HD int x_stride() const { return depth() + 32; }
    /// Packs of 8 elements.
    [[nodiscard]] SSM_HD int weight_packs() const { return few_rows::threads * few_rows::stage_packs; }
    [[nodiscard]] SSM_HD int stage_packs(int rows) const { return weight_packs() + rows * x_stride() / 8; }
    [[nodiscard]] index bytes(int rows) const { return index{16} * stages * stage_packs(rows); }
    /// Floats from a row of sums to the next in shared memory, which lies in other banks.
    [[nodiscard]] SSM_HD int sum_stride() const { return outputs() + 4; }
    /// Of the stages that a block uses of its ring, or what takes their place in the end: sums, and `far_values` packs for each
    /// place of a thread.
    [[nodiscard]] std::size_t used_bytes(int rows, index columns, int far_values) const {
        const index used = blocks_for(blocks_for(columns, depth()), parts);
        const index ring = used < stages ? bytes(rows) / stages * used : bytes(rows);
        const index all = index{rows} * outputs(), least = index{4} * few_rows::threads;
        const index ends = index{4} * (index{rows} * splits * sum_stride() + far_values * (all < least ? least : all));
        return static_cast<std::size_t>(ring < ends ? ends : ring);
    }
};

inline dim3 few_rows_grid(const few_rows_shape& shape, index outputs) {
    return dim3(grid_for(outputs, shape.outputs()), static_cast<unsigned>(shape.parts));
}

}  // namespace ssm::cuda_kernels
