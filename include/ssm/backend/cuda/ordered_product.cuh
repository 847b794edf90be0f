// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cuda/context.cuh>
#include <ssm/backend/cuda/element.cuh>
#include <ssm/core/view.hpp>

namespace ssm::cuda_kernels {

/// y = x w^T (+ y), any types and alignment, in float multiply-adds on the ordinary cores. Each element is summed in the
/// order of depth, whatever its neighbours, so a row's bits do not depend on the rows that come with it.
/// x (tokens, depth), w (outputs, depth), y (tokens, outputs). A block computes a tile of 64 by 64, a thread 4 by 4.
template <class X, class W, class Y>
__global__ void __launch_bounds__(256)
    tiled_product_kernel(matrix_view<const X> x, matrix_view<const W> w, matrix_view<Y> y, bool accumulate) {
    constexpr int tile = 64, deep = 16, side = 4;
    __shared__ float x_tile[deep][tile + 4];
    __shared__ float w_tile[deep][tile + 4];
    const index first_token = static_cast<index>(blockIdx.y) * tile;
    const index first_output = static_cast<index>(blockIdx.x) * tile;
    const int row = static_cast<int>(threadIdx.x) / 16 * side;
    const int column = static_cast<int>(threadIdx.x) % 16 * side;
    float sum[side][side] = {};
    for (index k = 0; k < x.columns(); k += deep) {
        for (int i = static_cast<int>(threadIdx.x); i < tile * deep; i += 256) {
            const int line = i / deep, at = i % deep;
            const bool inside = k + at < x.columns();
            const index token = first_token + line, output = first_output + line;
            x_tile[at][line] = inside && token < x.rows() ? widen(x(token, k + at)) : 0.0F;
            w_tile[at][line] = inside && output < w.rows() ? widen(w(output, k + at)) : 0.0F;
        }
        __syncthreads();
        for (int at = 0; at < deep; ++at)
            for (int i = 0; i < side; ++i)
                for (int j = 0; j < side; ++j)
                    sum[i][j] = __fmaf_rn(x_tile[at][row + i], w_tile[at][column + j], sum[i][j]);
        __syncthreads();
    }
    for (int i = 0; i < side; ++i)
        for (int j = 0; j < side; ++j) {
            const index token = first_token + row + i, output = first_output + column + j;
            if (token >= y.rows() || output >= y.columns()) continue;
            y(token, output) = narrow<Y>(sum[i][j] + (accumulate ? widen(y(token, output)) : 0.0F));
        }
}

template <class X, class W, class Y>
void tiled_product(const context& on, matrix_view<const X> x, matrix_view<const W> w, matrix_view<Y> y,
                   bool accumulate) {
    const dim3 grid(grid_for(w.rows(), 64), grid_for(x.rows(), 64));
    launch(on, "tiled_product", tiled_product_kernel<X, W, Y>, {.grid = grid, .threads = 256}, x, w, y, accumulate);
}

}  // namespace ssm::cuda_kernels
