// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cuda/activation.cuh>
#include <ssm/backend/cuda/context.cuh>
#include <ssm/backend/cuda/element.cuh>
#include <ssm/core/view.hpp>
#include <ssm/policy/conv_state.hpp>

namespace ssm::cuda_kernels {

/// \file
/// Two kernels, one arithmetic: taps are added in their order by fused multiply-adds, and both take the same SiLU. So a
/// token's bits do not depend on how many come with it.

/// What a causal convolution reads and writes; the sequences lie one after the other.
template <class X>
struct conv_task {
    matrix_view<const X> x;         // (sequences * tokens, channels)
    matrix_view<const float> taps;  // (K, channels)
    vector_view<const float> bias;  // (channels) or empty
    matrix_view<float> window;      // (sequences * (K-1), channels)
    matrix_view<X> y;               // (sequences * tokens, channels)
    index tokens;                   // of one sequence
    index cursor;

    /// The input of a sequence at token t, which lies in the window for t < 0.
    template <class ConvState>
    __device__ float input(index sequence, index t, index ch) const {
        if (t >= 0) return widen(x(sequence * tokens + t, ch));
        const index width = taps.rows() - 1;
        return window(sequence * width + ConvState::slot(-t, width, cursor), ch);
    }

    /// Leaves the window of a channel holding its last K-1 inputs, oldest first so that one is read before it is
    /// overwritten.
    template <class ConvState>
    __device__ void update_window(index sequence, index ch) const {
        const index width = taps.rows() - 1;
        const index next_cursor = ConvState::advance(cursor, width, tokens);
        for (index age = width; age >= 1; --age)
            window(sequence * width + ConvState::slot(age, width, next_cursor), ch) =
                input<ConvState>(sequence, tokens - age, ch);
    }
};

/// Outputs of any number of taps: a thread each, or a thread a channel, which then moves the window on as well.
template <class ConvState, class X>
__global__ void causal_conv_kernel(conv_task<X> task) {
    const index ch = static_cast<index>(blockIdx.x) * blockDim.x + threadIdx.x;
    const index sequence = blockIdx.z;
    release_successor();
    wait_for_predecessor();
    if (ch >= task.x.columns()) return;
    for (index t = blockIdx.y; t < task.tokens; t += gridDim.y) {
        float sum = task.bias.empty() ? 0.0F : task.bias[ch];
        for (index k = 0; k < task.taps.rows(); ++k)
            sum = __fmaf_rn(task.taps(k, ch),
                            task.template input<ConvState>(sequence, t - (task.taps.rows() - 1) + k, ch), sum);
        task.y(sequence * task.tokens + t, ch) = narrow<X>(silu_for<X>(sum));
    }
    if (gridDim.y == 1 && task.taps.rows() > 1) task.template update_window<ConvState>(sequence, ch);
}

/// The tuned form: `Taps` taps, a pack of channels and a run of tokens a thread, each input read once. Whoever begins a
/// sequence, and so reads the window, leaves the next one there: of at least `Run` tokens, it comes from x alone.
template <class ConvState, int Taps, int Run, class X>
__global__ void __launch_bounds__(128) causal_conv_run_kernel(conv_task<X> task) {
    constexpr int width = lane_width<X>;
    const index ch = (static_cast<index>(blockIdx.x) * blockDim.x + threadIdx.x) * width;
    const index sequence = blockIdx.z;
    const index first = static_cast<index>(blockIdx.y) * Run;
    release_successor();
    wait_for_predecessor();
    if (ch >= task.x.columns()) return;
    float tap[Taps][width], bias[width] = {}, seen[Taps][width];
    const X* from = task.x.data() + (sequence * task.tokens + first) * task.x.stride() + ch;
#pragma unroll
    for (int k = 0; k < Taps; ++k) load_floats(tap[k], &task.taps(k, ch));
    if (!task.bias.empty()) load_floats(bias, &task.bias[ch]);
    if (first == 0) {
#pragma unroll
        for (int i = 0; i < width; ++i) {
#pragma unroll
            for (int k = 1; k < Taps; ++k) seen[k][i] = task.template input<ConvState>(sequence, k - Taps, ch + i);
            task.template update_window<ConvState>(sequence, ch + i);
        }
    } else {
#pragma unroll
        for (int k = 1; k < Taps; ++k) {
            const pack<X> row = *reinterpret_cast<const pack<X>*>(from + (k - Taps) * task.x.stride());
#pragma unroll
            for (int i = 0; i < width; ++i) seen[k][i] = row[i];
        }
    }
    X* to = task.y.data() + (sequence * task.tokens + first) * task.y.stride() + ch;
    constexpr int ahead = 8;  // rows on their way at once
    static_assert(Run % ahead == 0);
    for (int t = 0; t < Run; t += ahead) {
        pack<X> next[ahead];
#pragma unroll
        for (int a = 0; a < ahead; ++a)
            if (first + t + a < task.tokens) next[a] = *reinterpret_cast<const pack<X>*>(from + a * task.x.stride());
#pragma unroll
        for (int a = 0; a < ahead; ++a) {
            if (first + t + a >= task.tokens) return;
            float result[width];
#pragma unroll
            for (int i = 0; i < width; ++i) {
#pragma unroll
                for (int k = 0; k + 1 < Taps; ++k) seen[k][i] = seen[k + 1][i];
                seen[Taps - 1][i] = next[a][i];
                float sum = bias[i];
#pragma unroll
                for (int k = 0; k < Taps; ++k) sum = __fmaf_rn(tap[k][i], seen[k][i], sum);
                result[i] = silu_for<X>(sum);
            }
            pack<X> rounded;
#pragma unroll
            for (int i = 0; i < width; i += 2) rounded.set_pair(i, result[i], result[i + 1]);
            *reinterpret_cast<pack<X>*>(to + a * task.y.stride()) = rounded;
        }
        from += ahead * task.x.stride();
        to += ahead * task.y.stride();
    }
}

template <class ConvState, class X>
__global__ void update_window_kernel(conv_task<X> task) {
    const index ch = static_cast<index>(blockIdx.x) * blockDim.x + threadIdx.x;
    release_successor();
    wait_for_predecessor();
    if (ch < task.x.columns()) task.template update_window<ConvState>(blockIdx.y, ch);
}

/// y = silu(causal_conv(x)), and the window moved on; see `can_convolve` in backend/concepts.hpp.
template <class ConvState, class X>
void causal_conv_silu(const context& on, const conv_task<X>& task, index sequences) {
    constexpr int run = 16;
    const index channels = task.x.columns();
    const bool packs = holds_packs(task.x.data(), task.x.stride()) && holds_packs(task.y.data(), task.y.stride()) &&
                       holds_packs(task.taps.data(), task.taps.stride()) && holds_packs(task.bias.data(), 0) &&
                       channels % lane_width<X> == 0;
    if (packs && task.tokens >= run && task.taps.rows() == 4) {
        const dim3 grid(grid_for(channels, 128 * lane_width<X>), grid_for(task.tokens, run),
                        static_cast<unsigned>(sequences));
        return launch(on, "causal_conv_run", causal_conv_run_kernel<ConvState, 4, run, X>,
                      {.grid = grid, .threads = 128, .overlaps = true}, task);
    }
    const auto runs = static_cast<unsigned>(task.tokens <= 4 ? 1 : task.tokens < 4096 ? task.tokens : 4096);
    const dim3 grid(grid_for(channels, 128), runs, static_cast<unsigned>(sequences));
    launch(on, "causal_conv", causal_conv_kernel<ConvState, X>, {.grid = grid, .threads = 128, .overlaps = true}, task);
    if (runs > 1 && task.taps.rows() > 1)
        launch(
            on, "update_window", update_window_kernel<ConvState, X>,
            {.grid = dim3(grid_for(channels, 128), static_cast<unsigned>(sequences)), .threads = 128, .overlaps = true},
            task);
}

}  // namespace ssm::cuda_kernels
