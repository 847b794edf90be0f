// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cuda/context.cuh>
#include <ssm/backend/cuda/element.cuh>
#include <ssm/backend/cuda/reduce.cuh>
#include <ssm/core/view.hpp>

namespace ssm::cuda_kernels {

/// \file
/// y = x w^T (+ y) for rows of x of any type and alignment, in float multiply-adds on the ordinary cores; x (tokens, depth),
/// w (outputs, depth), y (tokens, outputs).
///
/// Two kernels, one order: an element is summed along the depth in pieces of 256, and then their sums are added. So a
/// row's bits depend neither on the rows that come with it nor on the kernel. Tiles read weights once for 64 rows; for a
/// few rows, pieces are the work that can be shared.

inline constexpr int product_piece = 256;
inline constexpr int product_threads = 256;

/// For many rows: a tile of 64 by 64 a block, 4 by 4 a thread.
template <class X, class W, class Y>
__global__ void __launch_bounds__(product_threads)
    tiled_product_kernel(matrix_view<const X> x, matrix_view<const W> w, matrix_view<Y> y, bool accumulate) {
    constexpr int tile = 64, deep = 16, side = 4;
    static_assert(product_piece % deep == 0);
    __shared__ float x_tile[deep][tile + 4];
    __shared__ float w_tile[deep][tile + 4];
    const index first_token = static_cast<index>(blockIdx.y) * tile;
    const index first_output = static_cast<index>(blockIdx.x) * tile;
    const int depth = static_cast<int>(x.columns());
    const int row = static_cast<int>(threadIdx.x) / 16 * side;
    const int column = static_cast<int>(threadIdx.x) % 16 * side;
    float total[side][side] = {}, sum[side][side] = {};
    for (int k = 0; k < depth; k += deep) {
        for (int i = static_cast<int>(threadIdx.x); i < tile * deep; i += product_threads) {
            const int line = i / deep, at = i % deep;
            const bool inside = k + at < depth;
            const index token = first_token + line, output = first_output + line;
            x_tile[at][line] = inside && token < x.rows() ? widen(x(token, k + at)) : 0.0F;
            w_tile[at][line] = inside && output < w.rows() ? widen(w(output, k + at)) : 0.0F;
        }
        __syncthreads();
        const int steps = depth - k < deep ? depth - k : deep;
        for (int at = 0; at < steps; ++at)
            for (int i = 0; i < side; ++i)
                for (int j = 0; j < side; ++j)
                    sum[i][j] = __fmaf_rn(x_tile[at][row + i], w_tile[at][column + j], sum[i][j]);
        __syncthreads();
        if ((k + deep) % product_piece != 0 && k + deep < depth) continue;
        for (int i = 0; i < side; ++i)
            for (int j = 0; j < side; ++j) {
                total[i][j] += sum[i][j];
                sum[i][j] = 0.0F;
            }
    }
    for (int i = 0; i < side; ++i)
        for (int j = 0; j < side; ++j) {
            const index token = first_token + row + i, output = first_output + column + j;
            if (token >= y.rows() || output >= y.columns()) continue;
            y(token, output) = narrow<Y>(total[i][j] + (accumulate ? widen(y(token, output)) : 0.0F));
        }
}

/// For a few rows: a row and 32 outputs a block, an output a lane. The warps share the pieces, whose sums meet in shared memory. A lane
/// reads its row of weights in packs; the line that the first of them brings serves the others from the cache.
template <class X, class W, class Y>
__global__ void __launch_bounds__(product_threads)
    row_product_kernel(matrix_view<const X> x, matrix_view<const W> w, matrix_view<Y> y, bool accumulate) {
    constexpr int width = lane_width<W>;
    extern __shared__ float sums[];  // (pieces, 32)
    const int lane = static_cast<int>(threadIdx.x) % warp_size, warp = static_cast<int>(threadIdx.x) / warp_size;
    const index token = blockIdx.y;
    const index output = static_cast<index>(blockIdx.x) * warp_size + lane;
    const int depth = static_cast<int>(x.columns());
    const int pieces = (depth + product_piece - 1) / product_piece;
    const X* const from = x.data() + token * x.stride();
    const W* const weights = w.data() + (output < w.rows() ? output : w.rows() - 1) * w.stride();
    for (int piece = warp; piece < pieces; piece += product_threads / warp_size) {
        float sum = 0.0F;
        const int begin = piece * product_piece;
        const int end = depth - begin < product_piece ? depth : begin + product_piece;
        int k = begin;
#pragma unroll 8
        for (; k + width <= end; k += width) {
            const pack<W> values = *reinterpret_cast<const pack<W>*>(weights + k);
#pragma unroll
            for (int i = 0; i < width; ++i) sum = __fmaf_rn(widen(from[k + i]), values[i], sum);
        }
        for (; k < end; ++k) sum = __fmaf_rn(widen(from[k]), widen(weights[k]), sum);
        sums[piece * warp_size + lane] = sum;
    }
    __syncthreads();
    if (warp != 0 || output >= y.columns()) return;
    float total = 0.0F;
    for (int piece = 0; piece < pieces; ++piece) total += sums[piece * warp_size + lane];
    y(token, output) = narrow<Y>(total + (accumulate ? widen(y(token, output)) : 0.0F));
}

template <class X, class W, class Y>
void ordered_product(const context& on, matrix_view<const X> x, matrix_view<const W> w, matrix_view<Y> y,
                     bool accumulate) {
    constexpr index few = 8;
    const index shared = blocks_for(x.columns(), product_piece) * warp_size * index{sizeof(float)};
    if (x.rows() <= few && shared <= on.shared_bytes)
        return launch(on, "row_product", row_product_kernel<X, W, Y>,
                      {.grid = dim3(grid_for(w.rows(), warp_size), static_cast<unsigned>(x.rows())),
                       .threads = product_threads,
                       .shared_bytes = static_cast<std::size_t>(shared)},
                      x, w, y, accumulate);
    const dim3 grid(grid_for(w.rows(), 64), grid_for(x.rows(), 64));
    launch(on, "tiled_product", tiled_product_kernel<X, W, Y>, {.grid = grid, .threads = product_threads}, x, w, y,
           accumulate);
}

}  // namespace ssm::cuda_kernels
