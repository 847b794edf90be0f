// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cuda/context.cuh>
#include <ssm/backend/cuda/element.cuh>
#include <ssm/backend/cuda/few_rows_shape.cuh>
#include <ssm/core/view.hpp>

namespace ssm::cuda_kernels {

/// \file
/// How a product of a few rows ends its outputs: `Width` neighbouring ones at once, 1 or 4. A block's two warps a scheduler wait
/// for one instruction after the other here, so that their number is what counts: four outputs at once took a layer of 32
/// sequences from 106 to 102 us. And loops are not unrolled, because the kernels of a step that take turns hardly fit in the cache
/// of instructions together, and what has not run lately is waited for.

/// Which outputs of a block a thread ends: some neighbouring ones of every `step`th row; the threads beside it those beside
/// them. Of a cluster, each block ends a share.
struct few_rows_own {
    int output;  // from the block's first
    int row, step;
    int rows;  // in all, or none

    __device__ few_rows_own(const few_rows_shape& shape, int part, int width, index outputs_left, index all_rows) {
        const int thread = static_cast<int>(threadIdx.x);
        const int count = shape.joined ? shape.outputs() / shape.parts : shape.outputs();
        const int places = count / width;
        output = (shape.joined ? part * count : 0) + thread % places * width;
        row = thread / places;
        step = few_rows::threads / places;
        rows = output < outputs_left ? static_cast<int>(all_rows) : 0;
    }
};

/// The sums that warps left in the shared memory of a block, or of a cluster of `blocks`.
struct few_rows_sums {
    const float* at;
    int stride;        // from row to row
    int split_stride;  // from warp to warp of those that share a depth
    int splits;
    int blocks;  // 0: no cluster

    __device__ void add_up(int row, int output, float (&total)[1]) const {
        const float* from = at + row * stride + output;
        total[0] = 0;
#pragma unroll 1
        for (int s = 0; s < splits; ++s, from += split_stride) total[0] += blocks > 0 ? of_cluster(from) : *from;
    }
    __device__ void add_up(int row, int output, float (&total)[4]) const {
        const float* from = at + row * stride + output;
        for (float& one : total) one = 0;
#pragma unroll 1
        for (int s = 0; s < splits; ++s, from += split_stride) {
            if (blocks > 0) {
#pragma unroll
                for (int j = 0; j < 4; ++j) total[j] += of_cluster(from + j);
            } else {
                const float4 four = *reinterpret_cast<const float4*>(from);
#pragma unroll
                for (int j = 0; j < 4; ++j) total[j] += element(four, j);
            }
        }
    }

private:
    [[nodiscard]] __device__ float of_cluster(const float* from) const {
        float values[few_rows::most_parts], total = 0;
#pragma unroll
        for (int block = 0; block < few_rows::most_parts; ++block)
            values[block] = block < blocks ? load_of_block(from, block) : 0.0F;
#pragma unroll
        for (int block = 0; block < few_rows::most_parts; ++block) total += values[block];
        return total;
    }
};

/// Asks for the lines of that memory which a warp's outputs need, a line a lane.
template <class Epilogue>
__device__ void prefetch_far(const Epilogue& epilogue, const few_rows_own& own, index first_output, int width) {
    constexpr int line = 32;                 // floats
    if (own.output % line >= width) return;  // one thread a line
#pragma unroll 1
    for (int row = own.row; row < own.rows; row += own.step)
#pragma unroll
        for (int i = 0; i < Epilogue::far_values; ++i)
            if (const float* const at = epilogue.far_value(row, first_output + own.output, i)) prefetch_line(at);
}

/// Brings what an epilogue needs from far away to shared memory, a float or a pack for each of `far_values`, all at once.
template <int Width, class Epilogue>
__device__ void request_far(const Epilogue& epilogue, const few_rows_own& own, index first_output, float* far) {
    float* to = far + threadIdx.x * Width;
#pragma unroll 1
    for (int row = own.row; row < own.rows; row += own.step)
#pragma unroll
        for (int i = 0; i < Epilogue::far_values; ++i, to += few_rows::threads * Width) {
            const float* const from = epilogue.far_value(row, first_output + own.output, i);
            if (from == nullptr)
                for (int j = 0; j < Width; ++j) to[j] = 0;
            else if constexpr (Width == 1)
                copy_float_async(to, from);
            else
                copy_async(to, from);
        }
}

/// Hands sums to the epilogue; `sums_before` rows of others lie before a block's.
template <int Width, class Epilogue>
__device__ void end_outputs(const Epilogue& epilogue, const few_rows_own& own, index first_output, index sums_before,
                            const few_rows_sums& sums, const float* far) {
    if (own.row >= own.rows) return;
    const index output = first_output + own.output;
    typename Epilogue::constants constants[Width];
#pragma unroll
    for (int j = 0; j < Width; ++j) constants[j] = epilogue.constants_of(output + j);
    far += threadIdx.x * Width;
#pragma unroll 1
    for (int row = own.row; row < own.rows; row += own.step) {
        typename Epilogue::prepared prepared[Width];
        if constexpr (Epilogue::far_values > 0) {
#pragma unroll
            for (int i = 0; i < Epilogue::far_values; ++i, far += few_rows::threads * Width)
#pragma unroll
                for (int j = 0; j < Width; ++j) prepared[j].value[i] = far[j];
        }
        float total[Width];
        sums.add_up(row, own.output, total);
        if constexpr (Width == 1)
            epilogue.finish(constants[0], prepared[0], sums_before + row, output, total[0]);
        else
            epilogue.finish_four(constants, prepared, sums_before + row, output, total);
    }
}

}  // namespace ssm::cuda_kernels
