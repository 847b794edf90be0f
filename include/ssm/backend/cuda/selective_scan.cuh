// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cuda/activation.cuh>
#include <ssm/backend/cuda/context.cuh>
#include <ssm/backend/cuda/element.cuh>
#include <ssm/backend/cuda/selective_tiles.cuh>

namespace ssm::cuda_kernels {

/// The recurrence of selective_tiles.cuh for a few tokens, whose tile would be mostly empty, and for rows that are not whole packs of channels: a channel a
/// thread, the same operations in the same order, down to the four sums over a quarter of the states.
template <bool Gated, int States, class X>
__global__ void __launch_bounds__(128) selective_steps_kernel(selective_task<X> task) {
    constexpr int all = States * selective_tile::shares;
    const index ch = static_cast<index>(blockIdx.x) * blockDim.x + threadIdx.x;
    const index sequence = blockIdx.y;
    const int count = static_cast<int>(task.r.a.rows());
    release_successor();
    wait_for_predecessor();
    if (ch >= task.h.columns()) return;
    float rate[all], state[all];
#pragma unroll
    for (int n = 0; n < all; ++n) {
        rate[n] = n < count ? task.r.a(n, ch) * log2_of_e : 0.0F;
        state[n] = n < count ? task.h(sequence * count + n, ch) : 0.0F;
    }
    for (index t = sequence * task.tokens; t < (sequence + 1) * task.tokens; ++t) {
        const float x = widen(task.r.x(t, ch));
        float dt = widen(task.r.dt(t, ch));
        if (Gated) dt = softplus_for<X>(dt + task.dt_bias[ch]);
        const float in = dt * x;
        float sums[selective_tile::shares];
#pragma unroll
        for (int share = 0; share < selective_tile::shares; ++share) {
            sums[share] = 0.0F;
#pragma unroll
            for (int i = 0; i < States; ++i) {
                const int n = share * States + i;
                if (n >= count) continue;
                state[n] = __fmaf_rn(exp2_unit(dt * rate[n]), state[n], in * widen(task.r.b(t, n)));
                sums[share] = __fmaf_rn(widen(task.r.c(t, n)), state[n], sums[share]);
            }
        }
        float y = __fmaf_rn(task.r.d[ch], x, (sums[0] + sums[1]) + (sums[2] + sums[3]));
        if (Gated) y *= silu_for<X>(widen(task.z(t, ch)));
        task.y(t, ch) = narrow<X>(y);
    }
#pragma unroll
    for (int n = 0; n < all; ++n)
        if (n < count) task.h(sequence * count + n, ch) = state[n];
}

/// Whether the tuned form has registers for the states.
template <class X>
bool holds_selective_states(const selective<float, X>& r) {
    return r.a.rows() <= 64;
}

template <bool Gated, class X>
void selective_scan(const context& on, selective_task<X> task, index sequences) {
    const index channels = task.h.columns();
    const index states = task.r.a.rows();
    const auto fits = [](auto view) { return holds_packs<selective_tile::packed>(view.data(), view.stride()); };
    const auto state_fits = [](auto view) { return holds_packs(view.data(), view.stride()); };
    const bool packs = channels % selective_tile::packed == 0 && fits(task.r.dt) && fits(task.r.x) && fits(task.y) &&
                       (!Gated || fits(task.z));
    const auto run = [&]<int States>(std::integral_constant<int, States>) {
        if (task.tokens <= 4 || !packs)
            return launch(on, "selective_steps", selective_steps_kernel<Gated, States, X>,
                          {.grid = dim3(grid_for(channels, 128), static_cast<unsigned>(sequences)),
                           .threads = 128,
                           .overlaps = true},
                          task);
        const launch_shape shape{
            .grid = dim3(grid_for(channels, selective_tile::channels), static_cast<unsigned>(sequences)),
            .threads = selective_tile::threads,
            .shared_bytes = 2 * sizeof(selective_buffer<States>),
            .overlaps = true};
        task.state_packs = states == States * selective_tile::shares && state_fits(task.r.b) && state_fits(task.r.c);
        launch(on, "selective_scan", selective_scan_kernel<Gated, States, X>, shape, task);
    };
    if (states <= 4)
        run(std::integral_constant<int, 1>{});
    else if (states <= 8)
        run(std::integral_constant<int, 2>{});
    else if (states <= 16)
        run(std::integral_constant<int, 4>{});
    else if (states <= 32)
        run(std::integral_constant<int, 8>{});
    else
        run(std::integral_constant<int, 16>{});
}

}  // namespace ssm::cuda_kernels
