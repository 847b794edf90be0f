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
    release_successor();
    wait_for_predecessor();
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

/// The same for long rows of floats in packs, each read once and held in registers: `Held` packs of 4 a thread.
template <int Held, class Y>
__global__ void __launch_bounds__(256)
    rms_norm_held_kernel(matrix_view<const float> x, vector_view<const float> gain, float eps, matrix_view<Y> y) {
    __shared__ float sums[32];
    const int columns = static_cast<int>(x.columns());
    const auto place = [&](int i) { return (i * 256 + static_cast<int>(threadIdx.x)) * 4; };
    release_successor();
    read_early(x, eps, y);
    float4 gains[Held], values[Held];
#pragma unroll
    for (int i = 0; i < Held; ++i)
        gains[i] = gain.empty() || place(i) >= columns ? float4{1, 1, 1, 1}
                                                       : *reinterpret_cast<const float4*>(gain.data() + place(i));
    wait_for_predecessor();
    const index row = static_cast<index>(blockIdx.x);
    const float* const from = x.data() + row * x.stride();
    float squares = 0;
#pragma unroll
    for (int i = 0; i < Held; ++i) {
        values[i] = place(i) < columns ? *reinterpret_cast<const float4*>(from + place(i)) : float4{};
        squares += values[i].x * values[i].x + values[i].y * values[i].y + values[i].z * values[i].z +
                   values[i].w * values[i].w;
    }
    const float scale = 1.0F / sqrtf(block_sum(squares, sums) / static_cast<float>(columns) + eps);
#pragma unroll
    for (int i = 0; i < Held; ++i) {
        if (place(i) >= columns) continue;
        pack<Y, 4> result;
        result.set_pair(0, values[i].x * scale * gains[i].x, values[i].y * scale * gains[i].y);
        result.set_pair(2, values[i].z * scale * gains[i].z, values[i].w * scale * gains[i].w);
        *reinterpret_cast<pack<Y, 4>*>(y.data() + row * y.stride() + place(i)) = result;
    }
}

template <class X, class Y>
void rms_norm(const context& on, matrix_view<const X> x, vector_view<const float> gain, float eps, matrix_view<Y> y) {
    const dim3 rows(static_cast<unsigned>(x.rows()));
    if constexpr (std::is_same_v<X, float>)
        if (x.columns() > 512 && x.columns() <= 8192 && x.columns() % 4 == 0 && holds_packs(x.data(), x.stride()) &&
            holds_packs(y.data(), y.stride()) && (gain.empty() || holds_packs(gain.data(), 0)))
            return launch(on, "rms_norm", x.columns() <= 4096 ? rms_norm_held_kernel<4, Y> : rms_norm_held_kernel<8, Y>,
                          {.grid = rows, .threads = 256, .overlaps = true}, x, gain, eps, y);
    const unsigned threads = x.columns() > 512 ? 512 : x.columns() > 64 ? 128 : 32;
    launch(on, "rms_norm", rms_norm_kernel<X, Y>, {.grid = rows, .threads = threads, .overlaps = true}, x, gain, eps,
           y);
}

/// Three neighbouring ranges of columns and their gains.
struct norm_parts {
    index sizes[3];
    vector_view<const float> gains[3];
};

/// The same over each of three neighbouring ranges of columns, in place; a warp a range of a row, which it holds in its
/// registers as far as it can.
template <class X>
__global__ void __launch_bounds__(96) rms_norm_parts_kernel(matrix_view<X> x, norm_parts parts, float eps) {
    constexpr int held = 8;
    const int part = static_cast<int>(threadIdx.x) / warp_size;
    const int lane = static_cast<int>(threadIdx.x) % warp_size;
    X* from = x.data() + static_cast<index>(blockIdx.x) * x.stride();
    if (part > 0) from += parts.sizes[0];
    if (part > 1) from += parts.sizes[1];
    const int size = static_cast<int>(parts.sizes[part]);
    const float* const gain = parts.gains[part].data();
    release_successor();
    wait_for_predecessor();
    float value[held], squares = 0;
#pragma unroll
    for (int i = 0; i < held; ++i) {
        const int at = i * warp_size + lane;
        value[i] = at < size ? widen(from[at]) : 0.0F;
        squares += value[i] * value[i];
    }
    for (int at = held * warp_size + lane; at < size; at += warp_size) squares += widen(from[at]) * widen(from[at]);
    const float scale = 1.0F / sqrtf(warp_sum(squares) / static_cast<float>(size) + eps);
    const auto scaled = [&](float v, int at) { return narrow<X>(gain == nullptr ? v * scale : v * scale * gain[at]); };
#pragma unroll
    for (int i = 0; i < held; ++i) {
        const int at = i * warp_size + lane;
        if (at < size) from[at] = scaled(value[i], at);
    }
    for (int at = held * warp_size + lane; at < size; at += warp_size) from[at] = scaled(widen(from[at]), at);
}

/// The same for ranges of whole packs, at most a warp's: a warp a row, each range read at once.
template <class X>
__global__ void __launch_bounds__(256) rms_norm_packs_kernel(matrix_view<X> x, norm_parts parts, float eps) {
    constexpr int width = lane_width<X>;
    const index row = static_cast<index>(blockIdx.x) * (256 / warp_size) + threadIdx.x / warp_size;
    const int lane = static_cast<int>(threadIdx.x) % warp_size;
    release_successor();
    wait_for_predecessor();
    if (row >= x.rows()) return;
    pack<X>* at[3];
    pack<X> values[3] = {};
    index first = lane * width;
#pragma unroll
    for (int part = 0; part < 3; first += parts.sizes[part++]) {
        at[part] = reinterpret_cast<pack<X>*>(x.data() + row * x.stride() + first);
        if (lane * width < parts.sizes[part]) values[part] = *at[part];
    }
#pragma unroll
    for (int part = 0; part < 3; ++part) {
        float squares = 0;
#pragma unroll
        for (int i = 0; i < width; ++i) squares += values[part][i] * values[part][i];
        const float scale = 1.0F / sqrtf(warp_sum(squares) / static_cast<float>(parts.sizes[part]) + eps);
        if (lane * width >= parts.sizes[part]) continue;
        const float* const gain = parts.gains[part].empty() ? nullptr : parts.gains[part].data() + lane * width;
        const auto scaled = [&](int i) { return values[part][i] * scale * (gain == nullptr ? 1.0F : gain[i]); };
        pack<X> result;
#pragma unroll
        for (int i = 0; i < width; i += 2) result.set_pair(i, scaled(i), scaled(i + 1));
        *at[part] = result;
    }
}

template <class X>
void rms_norm_parts(const context& on, matrix_view<X> x, std::array<index, 3> sizes,
                    std::array<vector_view<const float>, 3> gains, float eps) {
    const norm_parts parts{{sizes[0], sizes[1], sizes[2]}, {gains[0], gains[1], gains[2]}};
    const auto fits = [](index size) { return size % lane_width<X> == 0 && size <= lane_width<X> * warp_size; };
    if (fits(sizes[0]) && fits(sizes[1]) && fits(sizes[2]) && holds_packs(x.data(), x.stride()))
        return launch(on, "rms_norm_parts", rms_norm_packs_kernel<X>,
                      {.grid = dim3(grid_for(x.rows(), 256 / warp_size)), .threads = 256, .overlaps = true}, x, parts,
                      eps);
    launch(on, "rms_norm_parts", rms_norm_parts_kernel<X>,
           {.grid = dim3(static_cast<unsigned>(x.rows())), .threads = 96, .overlaps = true}, x, parts, eps);
}

}  // namespace ssm::cuda_kernels
