// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cuda/context.cuh>
#include <ssm/backend/cuda/element.cuh>
#include <ssm/core/view.hpp>
#include <ssm/policy/recurrence.hpp>

#include <cub/block/block_scan.cuh>

namespace ssm::cuda_kernels {

/// Any recurrence in the order of time, a channel a thread; h (sequences * states, channels), y (sequences * tokens,
/// channels). Up to `Most` states stay in registers. The loop over tokens is not unrolled: copies of its body might fuse
/// multiplications and additions otherwise, and a token's bits depend on its place in the call.
template <int Most, class R, class Y>
__global__ void __launch_bounds__(64)
    scan_in_registers_kernel(R r, matrix_view<float> h, index states, index tokens, matrix_view<Y> y) {
    const index ch = static_cast<index>(blockIdx.x) * blockDim.x + threadIdx.x;
    const index sequence = blockIdx.y;
    if (ch >= h.columns()) return;
    float state[Most];
#pragma unroll
    for (int n = 0; n < Most; ++n) state[n] = n < states ? h(sequence * states + n, ch) : 0.0F;
#pragma unroll 1
    for (index t = sequence * tokens; t < (sequence + 1) * tokens; ++t) {
        float sum = r.skip(t, ch);
#pragma unroll
        for (int n = 0; n < Most; ++n) {
            if (n >= states) continue;
            state[n] = r.transition(t, ch, n)(state[n]);
            sum += r.readout(t, ch, n) * state[n];
        }
        y(t, ch) = narrow<Y>(sum);
    }
#pragma unroll
    for (int n = 0; n < Most; ++n)
        if (n < states) h(sequence * states + n, ch) = state[n];
}

/// The same for any number of states, which stay in memory.
template <class R, class Y>
__global__ void scan_in_memory_kernel(R r, matrix_view<float> h, index states, index tokens, matrix_view<Y> y) {
    const index ch = static_cast<index>(blockIdx.x) * blockDim.x + threadIdx.x;
    const index sequence = blockIdx.y;
    if (ch >= h.columns()) return;
#pragma unroll 1
    for (index t = sequence * tokens; t < (sequence + 1) * tokens; ++t) {
        float sum = r.skip(t, ch);
        for (index n = 0; n < states; ++n) {
            float& state = h(sequence * states + n, ch);
            state = r.transition(t, ch, n)(state);
            sum += r.readout(t, ch, n) * state;
        }
        y(t, ch) = narrow<Y>(sum);
    }
}

template <class R, class Y>
void scan_in_order(const context& on, const R& r, matrix_view<float> h, index sequences, matrix_view<Y> y) {
    const index states = h.rows() / sequences;
    const index tokens = y.rows() / sequences;
    const launch_shape shape{.grid = dim3(grid_for(h.columns(), 64), static_cast<unsigned>(sequences)), .threads = 64};
    if (states <= 8)
        launch(on, "scan_in_registers", scan_in_registers_kernel<8, R, Y>, shape, r, h, states, tokens, y);
    else if (states <= 16)
        launch(on, "scan_in_registers", scan_in_registers_kernel<16, R, Y>, shape, r, h, states, tokens, y);
    else
        launch(on, "scan_in_memory", scan_in_memory_kernel<R, Y>, shape, r, h, states, tokens, y);
}

/// Composition of affine steps in the order of time, as CUB asks for it.
struct in_order_of_time {
    __device__ affine<float> operator()(const affine<float>& first, const affine<float>& second) const {
        return then(first, second);
    }
};

/// Channels that one block of the time-parallel scan goes through: neighbours share the sectors that it reads.
inline constexpr int parallel_channels = 8;

/// Any recurrence with its threads along time (Mamba, section 3.3.2): each chunk of `length` tokens is a block scan over
/// the affine monoid, `Items` steps a thread, and the state is carried from chunk to chunk.
template <int Threads, int Items, class R, class Y>
__global__ void __launch_bounds__(Threads)
    scan_in_parallel_kernel(R r, matrix_view<float> h, index states, index tokens, index length, matrix_view<Y> y) {
    using scan = cub::BlockScan<affine<float>, Threads, cub::BLOCK_SCAN_WARP_SCANS>;
    __shared__ typename scan::TempStorage storage;
    __shared__ float carried;
    const index sequence = blockIdx.y;
    const index first_channel = static_cast<index>(blockIdx.x) * parallel_channels;
    const index begin = sequence * tokens;
    for (index start = 0; start < tokens; start += length) {
        const index end = start + length < tokens ? start + length : tokens;
        for (index ch = first_channel; ch < first_channel + parallel_channels && ch < h.columns(); ++ch) {
            float sum[Items];
            for (int i = 0; i < Items; ++i) {
                const index t = start + static_cast<index>(threadIdx.x) * Items + i;
                sum[i] = t < end ? r.skip(begin + t, ch) : 0.0F;
            }
            for (index n = 0; n < states; ++n) {
                affine<float> steps[Items];
                for (int i = 0; i < Items; ++i) {
                    const index t = start + static_cast<index>(threadIdx.x) * Items + i;
                    steps[i] = t < end ? r.transition(begin + t, ch, n) : affine<float>::identity();
                }
                float& state = h(sequence * states + n, ch);
                if (threadIdx.x == 0) carried = state;
                scan(storage).InclusiveScan(steps, steps, in_order_of_time{});
                __syncthreads();
                const float before = carried;
                for (int i = 0; i < Items; ++i) {
                    const index t = start + static_cast<index>(threadIdx.x) * Items + i;
                    if (t < end) sum[i] += r.readout(begin + t, ch, n) * steps[i](before);
                }
                if (threadIdx.x == Threads - 1) state = steps[Items - 1](before);
                __syncthreads();  // the storage and `carried` are used again
            }
            for (int i = 0; i < Items; ++i) {
                const index t = start + static_cast<index>(threadIdx.x) * Items + i;
                if (t < end) y(begin + t, ch) = narrow<Y>(sum[i]);
            }
        }
    }
}

/// A block reaches over 1024 tokens at most, so longer chunks are cut there, which changes no more than rounding.
template <class R, class Y>
void scan_in_parallel(const context& on, index length, const R& r, matrix_view<float> h, index sequences,
                      matrix_view<Y> y) {
    constexpr int threads = 128;
    const index states = h.rows() / sequences;
    const index tokens = y.rows() / sequences;
    const launch_shape shape{.grid = dim3(grid_for(h.columns(), parallel_channels), static_cast<unsigned>(sequences)),
                             .threads = threads};
    const auto run = [&]<int Items>(std::integral_constant<int, Items>) {
        const index most = index{threads} * Items;
        launch(on, "scan_in_parallel", scan_in_parallel_kernel<threads, Items, R, Y>, shape, r, h, states, tokens,
               length < most ? length : most, y);
    };
    if (length <= threads * 2)
        run(std::integral_constant<int, 2>{});
    else
        run(std::integral_constant<int, 8>{});
}

}  // namespace ssm::cuda_kernels
