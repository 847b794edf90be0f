// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cuda/activation.cuh>
#include <ssm/backend/cuda/context.cuh>
#include <ssm/backend/cuda/element.cuh>
#include <ssm/backend/cuda/few_rows_product.cuh>
#include <ssm/backend/cuda/reduce.cuh>
#include <ssm/backend/cuda/state_step.cuh>
#include <ssm/core/view.hpp>

namespace ssm::cuda_kernels {

/// \file
/// The step of state_step.cuh for several sequences: a block has 128 channels of 8 sequences, so that dt_proj is a product
/// of tiles and the states of a warp's sequence stream past.

namespace state_steps {
inline constexpr int sequences = 8;  // of a block: a warp each
inline constexpr int channels = 128;
inline constexpr int threads = sequences * warp_size;
inline constexpr int held_depth = 8;  // of dt_proj, in steps of 32: on its way before the wait
}  // namespace state_steps

/// Shared memory of a block, in the order in which it lies there.
template <class X>
struct state_steps_layout {
    int rank, states;

    [[nodiscard]] SSM_HD int width() const { return rank + 2 * states; }
    [[nodiscard]] SSM_HD int depth() const { return (rank + 31) / 32 * 32; }
    /// Elements of a row of rounded dt; rows of a tile in other banks.
    [[nodiscard]] SSM_HD int rounded_stride() const { return (depth() + 63) / 64 * 64 + 32; }
    [[nodiscard]] SSM_HD int rounded_bytes() const {
        return state_steps::sequences * rounded_stride() * static_cast<int>(sizeof(X));
    }
    [[nodiscard]] SSM_HD int dt_stride() const { return state_steps::channels + 4; }
    [[nodiscard]] SSM_HD int bytes() const {
        return rounded_bytes() + static_cast<int>(sizeof(float)) * state_steps::sequences * (dt_stride() + width());
    }
};

template <class X>
__global__ void __launch_bounds__(state_steps::threads, 2)
    state_steps_kernel(matrix_view<const X> dt_proj, state_step<X> task, int parts) {
    using namespace state_steps;
    extern __shared__ uint4 shared[];
    const index all_channels = task.a.columns();
    const int states = static_cast<int>(task.a.rows());
    const state_steps_layout<X> layout{static_cast<int>(task.dt_b_c.columns()) - 2 * states, states};
    X* const rounded = reinterpret_cast<X*>(shared);                                   // (sequences, depth)
    float* const dt = reinterpret_cast<float*>(shared + layout.rounded_bytes() / 16);  // (sequences, channels)
    float* const normed = dt + state_steps::sequences * layout.dt_stride();            // (sequences, R + 2N)
    const int lane = static_cast<int>(threadIdx.x) % warp_size;
    const int warp = static_cast<int>(threadIdx.x) / warp_size;
    const index first = static_cast<index>(blockIdx.x) * channels;
    const index all_sequences = task.dt_b_c.rows() / parts;
    const index sequence = static_cast<index>(blockIdx.y) * state_steps::sequences + warp;
    const bool exists = sequence < all_sequences;

    // dt_proj of 16 channels a warp, and the states of its sequence on their way to the second-level cache.
    const auto weights = [&](int step, int half) {
        const index ch = first + warp * 16 + half * 8 + lane / 4;
        const int k = step * 32 + lane % 4 * 8;
        return ch < all_channels && k < layout.rank
                   ? __builtin_bit_cast(uint4, load_once(dt_proj.data() + ch * dt_proj.stride() + k))
                   : uint4{};
    };
    const int steps = layout.depth() / 32;
    uint4 ahead[held_depth][2];
#pragma unroll
    for (int step = 0; step < held_depth; ++step)
        if (step < steps) {
            ahead[step][0] = weights(step, 0);
            ahead[step][1] = weights(step, 1);
        }
    constexpr int lines = channels * static_cast<int>(sizeof(float)) / 128;
    for (int i = lane; exists && i < states * lines; i += warp_size)
        if (first + i % lines * 32 < all_channels)
            prefetch_line(&task.h(sequence * states + i / lines, first + i % lines * 32));
    release_successor();
    wait_for_predecessor();

    // Each warp sums and normalises dt, B and C of its own sequence.
    float* const own_normed = normed + warp * layout.width();
    if (exists)
        for (int i = lane; i < layout.width(); i += warp_size) {
            float total = 0;
#pragma unroll 8
            for (int part = 0; part < parts; ++part) total += task.dt_b_c(part * all_sequences + sequence, i);
            own_normed[i] = total;
        }
    __syncwarp();
    if (exists && task.normalises)
#pragma unroll
        for (int part = 0; part < 3; ++part) {
            float* const values = own_normed + (part == 0 ? 0 : part == 1 ? layout.rank : layout.rank + states);
            const int size = part == 0 ? layout.rank : states;
            const float* const gain = task.gain_of(part);
            float squares = 0;
            for (int i = lane; i < size; i += warp_size) squares += values[i] * values[i];
            const float scale = 1.0F / sqrtf(warp_sum(squares) / static_cast<float>(size) + task.eps);
            for (int i = lane; i < size; i += warp_size) values[i] *= gain == nullptr ? scale : scale * gain[i];
        }
    __syncwarp();
    for (int i = lane; i < layout.rounded_stride(); i += warp_size)
        rounded[warp * layout.rounded_stride() + i] = narrow<X>(exists && i < layout.rank ? own_normed[i] : 0.0F);
    __syncthreads();

    float sum[4] = {};
    const auto x_pack = [&](int step) {
        return *reinterpret_cast<const uint4*>(rounded + lane / 4 * layout.rounded_stride() + step * 32 + lane % 4 * 8);
    };
#pragma unroll
    for (int step = 0; step < held_depth; ++step)
        if (step < steps) multiply_packs<X>(sum, ahead[step][0], ahead[step][1], x_pack(step));
    for (int step = held_depth; step < steps; ++step)
        multiply_packs<X>(sum, weights(step, 0), weights(step, 1), x_pack(step));
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        const int ch = warp * 16 + i / 2 * 8 + lane / 4;
        const float bias = first + ch < all_channels ? task.dt_bias[first + ch] : 0.0F;
        dt[(lane % 4 * 2 + i % 2) * layout.dt_stride() + ch] = softplus_unit(sum[i] + bias);
    }
    __syncthreads();

    // Four neighbouring channels a lane.
    const index own = first + lane * 4;
    if (!exists || own >= all_channels) return;
    const auto at = [](const float4& v, int i) { return i == 0 ? v.x : i == 1 ? v.y : i == 2 ? v.z : v.w; };
    X* const x_at = &task.xz(sequence, own);
    const auto x_values = *reinterpret_cast<const pack<X, 4>*>(x_at);
    const auto z_values = *reinterpret_cast<const pack<X, 4>*>(&task.xz(sequence, all_channels + own));
    const float4 step = *reinterpret_cast<const float4*>(dt + warp * layout.dt_stride() + lane * 4);
    const float4 skip = *reinterpret_cast<const float4*>(&task.d[own]);
    float x[4], y[4] = {};
#pragma unroll
    for (int i = 0; i < 4; ++i) x[i] = x_values[i];
    const float* const b = own_normed + layout.rank;
    const float* const c = b + states;
    constexpr int held = 8;
    for (int from = 0; from < states; from += held) {
        float4 state[held], rate[held];
#pragma unroll
        for (int i = 0; i < held; ++i)
            if (from + i < states) {
                state[i] = *reinterpret_cast<const float4*>(&task.h(sequence * states + from + i, own));
                rate[i] = *reinterpret_cast<const float4*>(&task.a(from + i, own));
            }
#pragma unroll
        for (int i = 0; i < held; ++i)
            if (from + i < states) {
                float next[4];
#pragma unroll
                for (int j = 0; j < 4; ++j) {
                    const float decay = exp2_unit(at(step, j) * (at(rate[i], j) * log2_of_e));
                    next[j] = __fmaf_rn(decay, at(state[i], j), at(step, j) * x[j] * b[from + i]);
                    y[j] = __fmaf_rn(c[from + i], next[j], y[j]);
                }
                *reinterpret_cast<float4*>(&task.h(sequence * states + from + i, own)) =
                    float4{next[0], next[1], next[2], next[3]};
            }
    }
    float out[4];
#pragma unroll
    for (int j = 0; j < 4; ++j) out[j] = __fmaf_rn(at(skip, j), x[j], y[j]) * silu_unit(z_values[j]);
    pack<X, 4> result;
    result.set_pair(0, out[0], out[1]);
    result.set_pair(2, out[2], out[3]);
    *reinterpret_cast<pack<X, 4>*>(x_at) = result;
}

/// dt_b_c (parts * sequences, R + 2N), sums over parts of x_proj's depth; see state_step.
template <class X>
void state_steps_together(const context& on, matrix_view<const X> dt_proj, const state_step<X>& task, int parts) {
    const int states = static_cast<int>(task.a.rows());
    const state_steps_layout<X> layout{static_cast<int>(task.dt_b_c.columns()) - 2 * states, states};
    launch(on, "state_steps", state_steps_kernel<X>,
           {.grid = dim3(grid_for(task.a.columns(), state_steps::channels),
                         grid_for(task.dt_b_c.rows() / parts, state_steps::sequences)),
            .threads = state_steps::threads,
            .shared_bytes = static_cast<std::size_t>(layout.bytes()),
            .overlaps = true},
           dt_proj, task, parts);
}

}  // namespace ssm::cuda_kernels
