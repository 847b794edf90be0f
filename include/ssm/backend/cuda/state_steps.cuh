// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cuda/activation.cuh>
#include <ssm/backend/cuda/context.cuh>
#include <ssm/backend/cuda/element.cuh>
#include <ssm/backend/cuda/reduce.cuh>
#include <ssm/backend/cuda/state_step.cuh>
#include <ssm/backend/cuda/tensor_core.cuh>
#include <ssm/core/view.hpp>

namespace ssm::cuda_kernels {

/// \file
/// The step of state_step.cuh for several sequences: a block has 128 channels of 8 sequences, so that dt_proj is a product
/// of tiles. A warp has the states of its sequence in registers before the kernel waits for the one before it, and dt_proj,
/// A, D and the bias of dt are in shared memory by then: what remains is short.

namespace state_steps {
inline constexpr int sequences = 8;  // of a block: a warp each
inline constexpr int channels = 128;
inline constexpr int threads = sequences * warp_size;
inline constexpr int held = 16;  // states in registers
inline constexpr int asked = 2;  // packs of four of dt, B and C of a lane at once: for three, registers do not suffice
}  // namespace state_steps

/// Shared memory of a block, in the order in which it lies there.
template <class X>
struct state_steps_layout {
    int rank, states;

    [[nodiscard]] SSM_HD int width() const { return rank + 2 * states; }
    [[nodiscard]] SSM_HD int steps() const { return (rank + 31) / 32; }  // of dt_proj's depth
    [[nodiscard]] SSM_HD int weight_bytes() const { return steps() * 2 * state_steps::threads * 16; }
    [[nodiscard]] SSM_HD int rate_bytes() const {
        return state_steps::held * state_steps::channels * static_cast<int>(sizeof(float));
    }
    /// Elements of a row of rounded dt; rows of a tile in other banks.
    [[nodiscard]] SSM_HD int rounded_stride() const { return (steps() * 32 + 63) / 64 * 64 + 32; }
    [[nodiscard]] SSM_HD int rounded_bytes() const {
        return state_steps::sequences * rounded_stride() * static_cast<int>(sizeof(X));
    }
    [[nodiscard]] SSM_HD int dt_stride() const { return state_steps::channels + 4; }
    [[nodiscard]] SSM_HD int bytes() const {
        return weight_bytes() + rate_bytes() + rounded_bytes() +
               static_cast<int>(sizeof(float)) *
                   (2 * state_steps::channels + state_steps::sequences * (dt_stride() + width()));
    }
};

/// `Parts` is the number of sums that x_proj left.
template <int Parts, class X>
__global__ void __launch_bounds__(state_steps::threads, 2)
    state_steps_kernel(matrix_view<const X> dt_proj, state_step<X> task) {
    using namespace state_steps;
    extern __shared__ uint4 shared[];
    const index all_channels = task.a.columns();
    const int states = static_cast<int>(task.a.rows());
    const state_steps_layout<X> layout{static_cast<int>(task.dt_b_c.columns()) - 2 * states, states};
    const int lane = static_cast<int>(threadIdx.x) % warp_size;
    const int warp = static_cast<int>(threadIdx.x) / warp_size;
    uint4* const weights = shared + warp * layout.steps() * 2 * warp_size + lane;  // of this lane
    uint4* const rates = shared + layout.weight_bytes() / 16;                      // (held, channels)
    X* const rounded = reinterpret_cast<X*>(rates + layout.rate_bytes() / 16);     // (sequences, depth)
    float* const skips = reinterpret_cast<float*>(rounded + state_steps::sequences * layout.rounded_stride());  // D
    float* const biases = skips + channels;                                                                     // of dt
    float* const dt = biases + channels;
    float* const normed = dt + state_steps::sequences * layout.dt_stride();  // (sequences, R + 2N)
    const index first = static_cast<index>(blockIdx.x) * channels;
    const index all_sequences = task.dt_b_c.rows() / Parts;
    const index sequence = static_cast<index>(blockIdx.y) * state_steps::sequences + warp;
    const bool exists = sequence < all_sequences;

    // dt_proj of 16 channels a warp, as the tensor cores' lanes want it.
    for (int step = 0; step < layout.steps(); ++step)
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            const index ch = first + warp * 16 + half * 8 + lane / 4;
            const int k = step * 32 + lane % 4 * 8;
            const bool present = ch < all_channels && k < layout.rank;
            copy_async(weights + (step * 2 + half) * warp_size,
                       present ? dt_proj.data() + ch * dt_proj.stride() + k : dt_proj.data(), present);
        }
    const index own = first + lane * 4;  // four neighbouring channels a lane
    const bool owns = exists && own < all_channels;
#pragma unroll
    for (int i = 0; i < held / state_steps::sequences; ++i) {
        const int n = i * state_steps::sequences + warp;
        const bool present = n < states && own < all_channels;
        copy_async(rates + n * warp_size + lane, present ? &task.a(n, own) : task.a.data(), present);
    }
    if (warp < 2) {
        const float* const from = warp == 0 ? task.d.data() : task.dt_bias.data();
        copy_async((warp == 0 ? skips : biases) + lane * 4, own < all_channels ? from + own : from, own < all_channels);
    }
    close_copies();
    float4 state[held];
    const float* from = task.h.data() + sequence * states * task.h.stride() + own;
#pragma unroll
    for (int i = 0; i < held; ++i, from += task.h.stride())
        if (owns && i < states) state[i] = *reinterpret_cast<const float4*>(from);
    X* const own_rounded = rounded + warp * layout.rounded_stride();
#pragma unroll 1
    for (int i = exists ? layout.rank + lane : lane; i < layout.rounded_stride(); i += warp_size)
        own_rounded[i] = narrow<X>(0.0F);
    const float* const sums = task.dt_b_c.data() + sequence * task.dt_b_c.stride();
    const index next_part = all_sequences * task.dt_b_c.stride();
    const int packs = exists ? layout.width() / 4 : 0;
    const auto part_of = [&](int at) { return at * 4 < layout.rank ? 0 : at * 4 < layout.rank + states ? 1 : 2; };
    release_successor();
    read_early(dt_proj, task);
    wait_for_predecessor();

    X* const x_at = owns ? &task.xz(sequence, own) : nullptr;
    pack<X, 4> x_values = {}, z_values = {};
    if (owns) {
        x_values = *reinterpret_cast<const pack<X, 4>*>(x_at);
        z_values = *reinterpret_cast<const pack<X, 4>*>(&task.xz(sequence, all_channels + own));
    }
    // Each warp sums and normalises dt, B and C of its own sequence.
    float* const own_normed = normed + warp * layout.width();
    float squares[4] = {};  // of dt, B, C
#pragma unroll 1
    for (int first_pack = lane; first_pack < packs; first_pack += asked * warp_size) {
        float4 parts[asked][Parts];
#pragma unroll
        for (int i = 0; i < asked; ++i)
#pragma unroll
            for (int part = 0; part < Parts; ++part)
                if (first_pack + i * warp_size < packs)
                    parts[i][part] =
                        *reinterpret_cast<const float4*>(sums + part * next_part + (first_pack + i * warp_size) * 4);
#pragma unroll
        for (int i = 0; i < asked; ++i) {
            const int at = first_pack + i * warp_size;
            if (at >= packs) break;
            float4 total = parts[i][0];
#pragma unroll
            for (int part = 1; part < Parts; ++part) {
                total.x += parts[i][part].x;
                total.y += parts[i][part].y;
                total.z += parts[i][part].z;
                total.w += parts[i][part].w;
            }
            *reinterpret_cast<float4*>(own_normed + at * 4) = total;
            const float square = total.x * total.x + total.y * total.y + total.z * total.z + total.w * total.w;
#pragma unroll
            for (int part = 0; part < 3; ++part) squares[part] += part == part_of(at) ? square : 0.0F;
        }
    }
    __syncwarp();
    // Every lane takes the root of one of the three, for all.
    const float mean = warp_sums(squares) / static_cast<float>(lane < warp_size / 4 ? layout.rank : states);
    const float root = task.normalises ? 1.0F / sqrtf(mean + task.eps) : 1.0F;
    const float scales[3] = {__shfl_sync(0xffffffffU, root, 0), __shfl_sync(0xffffffffU, root, warp_size / 4),
                             __shfl_sync(0xffffffffU, root, warp_size / 2)};
#pragma unroll 1
    for (int at = lane; at < packs; at += warp_size) {
        const int part = part_of(at);
        const float scale = part == 0 ? scales[0] : part == 1 ? scales[1] : scales[2];
        float4* const values = reinterpret_cast<float4*>(own_normed + at * 4);
        float4 value = *values;
        value.x *= scale;
        value.y *= scale;
        value.z *= scale;
        value.w *= scale;
        if (const float* gain = task.normalises ? task.gain_of(part) : nullptr) {
            gain += at * 4 - (part == 0 ? 0 : part == 1 ? layout.rank : layout.rank + states);
            value.x *= gain[0];
            value.y *= gain[1];
            value.z *= gain[2];
            value.w *= gain[3];
        }
        if (part == 0) {
            pack<X, 4> narrowed;
            narrowed.set_pair(0, value.x, value.y);
            narrowed.set_pair(2, value.z, value.w);
            *reinterpret_cast<pack<X, 4>*>(own_rounded + at * 4) = narrowed;
        } else {
            *values = value;
        }
    }
    await_copies<0>();
    __syncthreads();

    float sum[4] = {};
    const uint4* const x_packs =
        reinterpret_cast<const uint4*>(rounded + lane / 4 * layout.rounded_stride()) + lane % 4;
#pragma unroll 4
    for (int step = 0; step < layout.steps(); ++step)
        multiply_packs<X>(sum, weights[step * 2 * warp_size], weights[(step * 2 + 1) * warp_size], x_packs[step * 4]);
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        const int ch = warp * 16 + i / 2 * 8 + lane / 4;
        dt[(lane % 4 * 2 + i % 2) * layout.dt_stride() + ch] = softplus_unit(sum[i] + biases[ch]);
    }
    __syncthreads();

    if (!owns) return;
    const float4 step = *reinterpret_cast<const float4*>(dt + warp * layout.dt_stride() + lane * 4);
    const float4 skip = *reinterpret_cast<const float4*>(skips + lane * 4);
    float x[4], exponent[4], y[4] = {};
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        x[i] = x_values[i];
        exponent[i] = element(step, i) * log2_of_e;
    }
    const float* const b = own_normed + layout.rank;
    const float* const c = b + states;
    const index stride = task.h.stride();
    float* to = &task.h(sequence * states, own);
    const auto advance = [&](int n, const float4& rate, const float4& before) {
        float next[4];
#pragma unroll
        for (int j = 0; j < 4; ++j) {
            const float decay = exp2_unit(exponent[j] * element(rate, j));
            next[j] = __fmaf_rn(decay, element(before, j), element(step, j) * x[j] * b[n]);
            y[j] = __fmaf_rn(c[n], next[j], y[j]);
        }
        store_four(to, next[0], next[1], next[2], next[3]);
        to += stride;
    };
#pragma unroll
    for (int n = 0; n < held; ++n)
        if (n < states) advance(n, __builtin_bit_cast(float4, rates[n * warp_size + lane]), state[n]);
#pragma unroll 1
    for (int n = held; n < states; ++n)
        advance(n, *reinterpret_cast<const float4*>(&task.a(n, own)), *reinterpret_cast<const float4*>(to));
    float out[4];
#pragma unroll
    for (int j = 0; j < 4; ++j) out[j] = __fmaf_rn(element(skip, j), x[j], y[j]) * silu_unit(z_values[j]);
    pack<X, 4> result;
    result.set_pair(0, out[0], out[1]);
    result.set_pair(2, out[2], out[3]);
    *reinterpret_cast<pack<X, 4>*>(x_at) = result;
}

/// dt_b_c (Parts * sequences, R + 2N), sums over parts of x_proj's depth; see state_step. The kernel before must begin its
/// successor only once all before itself have ended: the states are read at once.
template <int Parts, class X>
void state_steps_together(const context& on, matrix_view<const X> dt_proj, const state_step<X>& task) {
    const int states = static_cast<int>(task.a.rows());
    const state_steps_layout<X> layout{static_cast<int>(task.dt_b_c.columns()) - 2 * states, states};
    launch(on, "state_steps", state_steps_kernel<Parts, X>,
           {.grid = dim3(grid_for(task.a.columns(), state_steps::channels),
                         grid_for(task.dt_b_c.rows() / Parts, state_steps::sequences)),
            .threads = state_steps::threads,
            .shared_bytes = static_cast<std::size_t>(layout.bytes()),
            .overlaps = true,
            .leaves_shared = true},
           dt_proj, task);
}

}  // namespace ssm::cuda_kernels
