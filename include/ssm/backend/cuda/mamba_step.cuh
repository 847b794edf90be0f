// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/capabilities.hpp>
#include <ssm/backend/cuda/activation.cuh>
#include <ssm/backend/cuda/context.cuh>
#include <ssm/backend/cuda/element.cuh>
#include <ssm/backend/cuda/matrix.cuh>
#include <ssm/backend/cuda/matvec.cuh>
#include <ssm/backend/cuda/norm.cuh>
#include <ssm/backend/cuda/reduce.cuh>
#include <ssm/core/view.hpp>

namespace ssm::cuda_kernels {

/// \file
/// One token through a Mamba-1 layer in four kernels, as many as there are points at which a token needs all of what came
/// before: norm and in_proj with the convolution; x_proj; the inner norms and dt_proj with the state update and the gate;
/// out_proj with the residual.

/// What follows in_proj for one output: the convolution, SiLU and the window for x, nothing for z.
template <class ConvState, class X>
struct conv_step_epilogue {
    vector_view<const float> in_bias;    // (2 inner) or empty
    matrix_view<const float> taps;       // (K, inner)
    vector_view<const float> conv_bias;  // (inner) or empty
    matrix_view<float> window;           // (sequences * (K-1), inner)
    index cursor;
    matrix_view<X> xz;  // (sequences, 2 inner)

    __device__ void operator()(index sequence, index output, float sum) const {
        const float value = in_bias.empty() ? sum : sum + in_bias[output];
        xz(sequence, output) = narrow<X>(output < taps.columns() ? convolved(sequence, output, value) : value);
    }

    __device__ float convolved(index sequence, index ch, float value) const {
        const index width = taps.rows() - 1;
        const index next_cursor = ConvState::advance(cursor, width, 1);
        const auto slot = [&](index age, index at) -> float& {
            return window(sequence * width + ConvState::slot(age, width, at), ch);
        };
        float sum = conv_bias.empty() ? 0.0F : conv_bias[ch];
        for (index k = 0; k < width; ++k) sum = __fmaf_rn(taps(k, ch), slot(width - k, cursor), sum);
        sum = __fmaf_rn(taps(width, ch), value, sum);
        // Oldest first: a row is read before it is overwritten.
        for (index age = width; age >= 2; --age) slot(age, next_cursor) = slot(age - 1, cursor);
        if (width > 0) slot(1, next_cursor) = value;
        return silu_unit(sum);
    }
};

/// What the third kernel needs.
template <class X>
struct state_step {
    matrix_view<const X> dt_b_c;  // (sequences, R + 2N)
    norm_parts parts;             // R, N, N
    bool normalises;
    float eps;
    vector_view<const float> dt_bias;  // (inner)
    matrix_view<const float> a;        // (N, inner)
    vector_view<const float> d;        // (inner)
    matrix_view<float> h;              // (sequences * N, inner)
    matrix_view<X> xz;                 // (sequences, 2 inner): x, then z; y takes the place of x
};

inline constexpr int step_channels = 64;  // a block
inline constexpr int step_warps = 8;

/// dt = softplus(dt_proj norm(dt) + bias), h = exp(dt A) h + dt x B, y = (C . h + D x) silu(z) for 64 channels.
template <class W, class X>
__global__ void __launch_bounds__(step_warps* warp_size)
    state_step_kernel(matrix_view<const W> dt_proj, state_step<X> task) {
    constexpr int width = lane_width<W>;
    constexpr int rows = step_channels / step_warps;  // outputs of dt_proj a warp
    extern __shared__ float normed[];                 // dt, B, C: R + 2N
    __shared__ float dt[step_channels];
    __shared__ float partial[step_warps * warp_size];
    const int lane = threadIdx.x % warp_size;
    const int warp = threadIdx.x / warp_size;
    const index channels = task.a.columns();
    const index states = task.a.rows();
    const index first = static_cast<index>(blockIdx.x) * step_channels;
    const index sequence = blockIdx.y;
    const int chunks = static_cast<int>(dt_proj.stride()) / width;
    const int rank = static_cast<int>(task.parts.sizes[0]);

    const auto weights = [&](int row) {
        const index ch = first + warp * rows + row;
        return dt_proj.data() + (ch < channels ? ch : channels - 1) * dt_proj.stride();
    };
    pack<W> ahead[rows];
#pragma unroll
    for (int row = 0; row < rows; ++row)
        if (lane < chunks) ahead[row] = load_once(weights(row) + lane * width);
    release_successor();
    wait_for_predecessor();

    if (warp < 3) {
        const X* from = task.dt_b_c.data() + sequence * task.dt_b_c.stride();
        float* to = normed;
        for (int part = 0; part < warp; ++part) {
            from += task.parts.sizes[part];
            to += task.parts.sizes[part];
        }
        const int size = static_cast<int>(task.parts.sizes[warp]);
        float squares = 0;
        for (int i = lane; i < size; i += warp_size) squares += widen(from[i]) * widen(from[i]);
        squares = warp_sum(squares);
        const float scale = task.normalises ? 1.0F / sqrtf(squares / static_cast<float>(size) + task.eps) : 1.0F;
        const auto& gain = task.parts.gains[warp];
        for (int i = lane; i < size; i += warp_size) {
            const float value = widen(from[i]) * scale;
            to[i] = gain.empty() ? value : value * gain[i];
        }
    }
    __syncthreads();

    float sum[rows] = {};
    for (int chunk = lane; chunk < chunks; chunk += warp_size)
#pragma unroll
        for (int row = 0; row < rows; ++row) {
            const pack<W> values =
                chunk == lane ? ahead[row] : load_once(weights(row) + static_cast<index>(chunk) * width);
#pragma unroll
            for (int i = 0; i < width; ++i)
                if (chunk * width + i < rank)
                    sum[row] = __fmaf_rn(widen(values.values[i]), normed[chunk * width + i], sum[row]);
        }
#pragma unroll
    for (int row = 0; row < rows; ++row) {
        const float total = warp_sum(sum[row]);
        const index ch = first + warp * rows + row;
        if (lane == row && ch < channels) dt[warp * rows + row] = softplus_unit(total + task.dt_bias[ch]);
    }
    __syncthreads();

    constexpr int groups = step_warps * warp_size / step_channels;
    const int own = threadIdx.x % step_channels;
    const int group = threadIdx.x / step_channels;
    const index ch = first + own;
    float x = 0, y = 0;
    if (ch < channels) {
        x = widen(task.xz(sequence, ch));
        const float* const b = normed + rank;
        const float* const c = b + states;
#pragma unroll 4
        for (index n = group; n < states; n += groups) {
            float& h = task.h(sequence * states + n, ch);
            h = __fmaf_rn(exp2_unit(dt[own] * (task.a(n, ch) * log2_of_e)), h, dt[own] * x * b[n]);
            y = __fmaf_rn(c[n], h, y);
        }
    }
    partial[threadIdx.x] = y;
    __syncthreads();
    if (group == 0 && ch < channels) {
        for (int other = 1; other < groups; ++other) y += partial[other * step_channels + own];
        y = __fmaf_rn(task.d[ch], x, y);
        task.xz(sequence, ch) = narrow<X>(y * silu_unit(widen(task.xz(sequence, channels + ch))));
    }
}

/// See `steps_mamba` in backend/capabilities.hpp.
template <class ConvState, class B, class X>
void mamba_step(const context& on, const mamba_layer<B>& layer, matrix_view<float> residual, matrix_view<float> window,
                index cursor, matrix_view<float> h, matrix_view<X> xz, matrix_view<X> dt_b_c) {
    const index sequences = residual.rows();
    const index inner = layer.a.columns();
    const index states = layer.a.rows();
    const matrix_view<const X> x = xz.columns(0, inner);
    with_storage_type(layer.in_proj->type(), [&]<class W>(type_tag<W>) {
        const normed_source source{
            {residual, holds_packs(residual.data(), residual.stride())}, layer.norm_gain, layer.norm_eps};
        const conv_step_epilogue<ConvState, X> epilogue{layer.in_bias, layer.taps, layer.conv_bias, window, cursor, xz};
        matvec(on, "in_proj", layer.in_proj->template as<W>(), source, epilogue, sequences);
    });
    with_storage_type(layer.x_proj->type(), [&]<class W>(type_tag<W>) {
        matvec_across_depth(on, "x_proj", layer.x_proj->template as<W>(), x, store_epilogue<X>{dt_b_c, {}});
    });
    const index rank = dt_b_c.columns() - 2 * states;
    const state_step<X> step{dt_b_c,
                             {{rank, states, states}, {layer.dt_gain, layer.b_gain, layer.c_gain}},
                             layer.normalises_dt_b_c,
                             layer.dt_b_c_eps,
                             layer.dt_bias,
                             layer.a,
                             layer.d,
                             h,
                             xz};
    with_storage_type(layer.dt_proj->type(), [&]<class W>(type_tag<W>) {
        launch(on, "state_step", state_step_kernel<W, X>,
               {.grid = dim3(grid_for(inner, step_channels), static_cast<unsigned>(sequences)),
                .threads = step_warps * warp_size,
                .shared_bytes = static_cast<std::size_t>(dt_b_c.columns()) * sizeof(float),
                .overlaps = true},
               layer.dt_proj->template as<W>(), step);
    });
    with_storage_type(layer.out_proj->type(), [&]<class W>(type_tag<W>) {
        const plain_source<X> source{x, holds_packs(x.data(), x.stride())};
        matvec(on, "out_proj", layer.out_proj->template as<W>(), source, add_epilogue{residual, layer.out_bias},
               sequences);
    });
}

}  // namespace ssm::cuda_kernels
