// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/capabilities.hpp>
#include <ssm/backend/cuda/activation.cuh>
#include <ssm/backend/cuda/context.cuh>
#include <ssm/backend/cuda/element.cuh>
#include <ssm/backend/cuda/reduce.cuh>
#include <ssm/core/view.hpp>

namespace ssm::cuda_kernels {

/// What the state needs of a token.
template <class X>
struct state_step {
    matrix_view<const float> dt_b_c;   // (sequences, R + 2N)
    vector_view<const float> dt_gain;  // (R) or empty
    vector_view<const float> b_gain;   // (N) or empty
    vector_view<const float> c_gain;   // (N) or empty
    bool normalises;
    float eps;
    vector_view<const float> dt_bias;  // (inner)
    matrix_view<const float> a;        // (N, inner)
    vector_view<const float> d;        // (inner)
    matrix_view<float> h;              // (sequences * N, inner)
    matrix_view<X> xz;                 // (sequences, 2 inner): x, then z; y takes the place of x

    __device__ const float* gain_of(int part) const {
        return part == 0 ? dt_gain.data() : part == 1 ? b_gain.data() : c_gain.data();
    }
};

template <class B, class X>
state_step<X> state_step_of(const mamba_layer<B>& layer, matrix_view<const float> dt_b_c, matrix_view<float> h,
                            matrix_view<X> xz) {
    return {dt_b_c,
            layer.dt_gain,
            layer.b_gain,
            layer.c_gain,
            layer.normalises_dt_b_c,
            layer.dt_b_c_eps,
            layer.dt_bias,
            layer.a,
            layer.d,
            h,
            xz};
}

/// dt, B or C of a token by one warp, divided by its root mean square where the model does that, into its place in `normed`.
template <class X>
__device__ void normalise_part(const state_step<X>& task, int part, int rank, float* normed) {
    const int lane = static_cast<int>(threadIdx.x) % warp_size;
    const int states = static_cast<int>(task.a.rows());
    const int offset = part == 0 ? 0 : part == 1 ? rank : rank + states;
    const int size = part == 0 ? rank : states;
    const float* const gain = task.gain_of(part);
    const float* const from = task.dt_b_c.data() + offset;
    float* const to = normed + offset;
    float squares = 0;
#pragma unroll 8
    for (int i = lane; i < size; i += warp_size) {
        to[i] = from[i];
        squares += to[i] * to[i];
    }
    squares = warp_sum(squares);
    if (!task.normalises) return;
    const float scale = 1.0F / sqrtf(squares / static_cast<float>(size) + task.eps);
    for (int i = lane; i < size; i += warp_size) to[i] *= gain == nullptr ? scale : scale * gain[i];
}

inline constexpr int step_channels = 64;  // a block
inline constexpr int step_warps = 8;

/// For one sequence: dt = softplus(dt_proj norm(dt) + bias), h = exp(dt A) h + dt x B, y = (C . h + D x) silu(z) for 64 channels.
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
    const int chunks = static_cast<int>(dt_proj.stride()) / width;
    const int rank = static_cast<int>(task.dt_b_c.columns() - 2 * states);

    const auto weights = [&](int row) {
        const index ch = first + warp * rows + row;
        return dt_proj.data() + (ch < channels ? ch : channels - 1) * dt_proj.stride();
    };
    // All that no kernel before this one writes is on its way before the wait: weights and parameters in registers, the
    // state, which the last token's step left, in the second-level cache.
    constexpr int groups = step_warps * warp_size / step_channels;
    constexpr int held = 4;  // states of a thread on their way at once
    const int own = static_cast<int>(threadIdx.x) % step_channels;
    const int group = static_cast<int>(threadIdx.x) / step_channels;
    const index ch = first + own;
    const bool exists = ch < channels;
    const auto each_held = [&](int from, const auto& work) {
#pragma unroll
        for (int i = 0; i < held; ++i)
            if (exists && from + i * groups < states) work(i, from + i * groups);
    };
    // Pointers are made before the wait: after it, each instruction is time in which memory is idle.
    float* own_state = task.h.data() + group * task.h.stride() + ch;
    const float* own_rate = task.a.data() + group * task.a.stride() + ch;
    const index next_state = groups * task.h.stride(), next_rate = groups * task.a.stride();
    pack<W> ahead[rows];
#pragma unroll
    for (int row = 0; row < rows; ++row)
        if (lane < chunks) ahead[row] = load_once(weights(row) + lane * width);
    float rate[held] = {}, state[held] = {};
    each_held(group, [&](int i, int) {
        rate[i] = own_rate[i * next_rate] * log2_of_e;
        prefetch_line(own_state + i * next_state);
    });
    const X* const own_x = task.xz.data() + ch;
    const float skip = exists ? task.d[ch] : 0.0F;
    const int own_row = warp * rows + lane / (warp_size / rows);  // whose sum ends up in this lane
    const float bias = first + own_row < channels ? task.dt_bias[first + own_row] : 0.0F;
    release_successor();
    read_early(dt_proj, task);
    wait_for_predecessor();

    each_held(group, [&](int i, int) { state[i] = own_state[i * next_state]; });
    const float x = exists ? widen(own_x[0]) : 0.0F;
    const float z = exists ? widen(own_x[channels]) : 0.0F;
    if (warp < 3) normalise_part(task, warp, rank, normed);
    __syncthreads();

    float sum[rows] = {};
    const auto add = [&](int chunk) {
        float in[width];
#pragma unroll
        for (int i = 0; i < width; ++i) in[i] = chunk * width + i < rank ? normed[chunk * width + i] : 0.0F;
#pragma unroll
        for (int row = 0; row < rows; ++row)
#pragma unroll
            for (int i = 0; i < width; ++i) sum[row] = __fmaf_rn(ahead[row][i], in[i], sum[row]);
    };
    if (lane < chunks) add(lane);
#pragma unroll 1
    for (int chunk = lane + warp_size; chunk < chunks; chunk += warp_size) {
#pragma unroll
        for (int row = 0; row < rows; ++row) ahead[row] = load_once(weights(row) + static_cast<index>(chunk) * width);
        add(chunk);
    }
    dt[own_row] = softplus_unit(bias + warp_sums(sum));
    __syncthreads();

    const float step = dt[own];
    const float* const b = normed + rank;
    const float* const c = b + states;
    float y = 0;
    for (int from = group; from < states; from += held * groups) {
        if (from != group)
            each_held(from, [&](int i, int) {
                rate[i] = own_rate[i * next_rate] * log2_of_e;
                state[i] = own_state[i * next_state];
            });
        each_held(from, [&](int i, int n) {
            state[i] = __fmaf_rn(exp2_unit(step * rate[i]), state[i], step * x * b[n]);
            y = __fmaf_rn(c[n], state[i], y);
            own_state[i * next_state] = state[i];
        });
        own_state += held * next_state;
        own_rate += held * next_rate;
    }
    partial[threadIdx.x] = y;
    __syncthreads();
    if (group == 0 && exists) {
        for (int other = 1; other < groups; ++other) y += partial[other * step_channels + own];
        task.xz(0, ch) = narrow<X>(__fmaf_rn(skip, x, y) * silu_unit(z));
    }
}

/// dt_b_c (1, R + 2N) and one row of all else.
template <class W, class X>
void state_step_alone(const context& on, matrix_view<const W> dt_proj, const state_step<X>& task) {
    launch(on, "state_step", state_step_kernel<W, X>,
           {.grid = dim3(grid_for(task.a.columns(), step_channels)),
            .threads = step_warps * warp_size,
            .shared_bytes = static_cast<std::size_t>(task.dt_b_c.columns()) * sizeof(float),
            .overlaps = true,
            .leaves_shared = true},
           dt_proj, task);
}

}  // namespace ssm::cuda_kernels
