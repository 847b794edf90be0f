// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cuda/context.cuh>
#include <ssm/backend/cuda/element.cuh>
#include <ssm/backend/cuda/reduce.cuh>
#include <ssm/core/view.hpp>

#include <array>

namespace ssm::cuda_kernels {

/// y = x / sqrt(mean(x^2) + eps) * gain, a block a row; x and y may be the same.
template <class X, class Y>
__global__ void rms_norm_kernel(matrix_view<const X> x, vector_view<const float> gain, float eps, matrix_view<Y> y) {
    __shared__ float sums[32];
    const index row = static_cast<index>(blockIdx.x);
    const X* const from = x.data() + row * x.stride();
    Y* const to = y.data() + row * y.stride();
    float squares = 0;
    for (index i = threadIdx.x; i < x.columns(); i += blockDim.x) squares += widen(from[i]) * widen(from[i]);
    squares = block_sum(squares, sums);
    const float scale = 1.0F / sqrtf(squares / static_cast<float>(x.columns()) + eps);
    for (index i = threadIdx.x; i < x.columns(); i += blockDim.x) {
        const float value = widen(from[i]) * scale;
        to[i] = narrow<Y>(gain.empty() ? value : value * gain[i]);
    }
}

template <class X, class Y>
void rms_norm(const context& on, matrix_view<const X> x, vector_view<const float> gain, float eps, matrix_view<Y> y) {
    const unsigned threads = x.columns() > 512 ? 512 : x.columns() > 64 ? 128 : 32;
    launch(on, "rms_norm", rms_norm_kernel<X, Y>, {.grid = dim3(static_cast<unsigned>(x.rows())), .threads = threads},
           x, gain, eps, y);
}

/// Three neighbouring ranges of columns and their gains.
struct norm_parts {
    index sizes[3];
    vector_view<const float> gains[3];
};

/// The same over each of three neighbouring ranges of columns, in place; a warp a row.
template <class X>
__global__ void rms_norm_parts_kernel(matrix_view<X> x, norm_parts parts, float eps) {
    const index row = (static_cast<index>(blockIdx.x) * blockDim.x + threadIdx.x) / warp_size;
    const int lane = threadIdx.x % warp_size;
    if (row >= x.rows()) return;
    X* from = x.data() + row * x.stride();
    for (int part = 0; part < 3; ++part) {
        const index size = parts.sizes[part];
        float squares = 0;
        for (index i = lane; i < size; i += warp_size) squares += widen(from[i]) * widen(from[i]);
        const float scale = 1.0F / sqrtf(warp_sum(squares) / static_cast<float>(size) + eps);
        for (index i = lane; i < size; i += warp_size) {
            const float value = widen(from[i]) * scale;
            from[i] = narrow<X>(parts.gains[part].empty() ? value : value * parts.gains[part][i]);
        }
        from += size;
    }
}

template <class X>
void rms_norm_parts(const context& on, matrix_view<X> x, std::array<index, 3> sizes,
                    std::array<vector_view<const float>, 3> gains, float eps) {
    const norm_parts parts{{sizes[0], sizes[1], sizes[2]}, {gains[0], gains[1], gains[2]}};
    launch(on, "rms_norm_parts", rms_norm_parts_kernel<X>, {.grid = dim3(grid_for(x.rows(), 8)), .threads = 256}, x,
           parts, eps);
}

}  // namespace ssm::cuda_kernels
