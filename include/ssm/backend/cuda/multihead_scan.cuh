// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cuda/activation.cuh>
#include <ssm/backend/cuda/context.cuh>
#include <ssm/backend/cuda/element.cuh>
#include <ssm/core/limits.hpp>
#include <ssm/core/view.hpp>
#include <ssm/policy/recurrence.hpp>

#include <type_traits>

namespace ssm::cuda_kernels {

/// The tuned form of Mamba-2's recurrence, in the order of time.
///
/// A block goes through 16 channels of a head in tiles of 16 tokens. A thread has a channel and an eighth of its states, in
/// registers from the first token to the last; B and C, which the heads of a group share, come through shared memory, widened
/// once. A decay is one a token, so that what is left are multiplications and additions, three a state. While a tile is
/// computed the next one is on its way to registers. Every sum has one order, so bits do not depend on where a sequence is
/// cut.
namespace multihead_tile {
inline constexpr int tokens = 16;
inline constexpr int channels = 16;
inline constexpr int shares = 8;  // threads that share the states of a channel
inline constexpr int threads = channels * shares;
inline constexpr int moved = tokens * channels / threads;  // elements of x, z and y that a thread moves
}  // namespace multihead_tile

/// A scan and what surrounds it: with z, dt is softened first and y gated last.
template <class X>
struct multihead_task {
    multihead_selective<float, X> r;
    limits dt_limits;
    matrix_view<const X> z;  // (sequences * tokens, channels)
    matrix_view<float> h;    // (sequences * states, channels)
    matrix_view<X> y;        // (sequences * tokens, channels)
    index tokens;            // of one sequence
    int states;
    int slices;        // blocks that share a head
    bool state_packs;  // rows of B and C can be read in packs, and they fill the registers' states
};

/// What the threads of a block tell each other of a tile.
template <int States>
struct alignas(16) multihead_buffer {
    static constexpr int states = States * multihead_tile::shares;

    float b_and_c[2][multihead_tile::tokens][states];
    float input[multihead_tile::tokens][multihead_tile::channels];  // dt x
    float decay[multihead_tile::tokens];
    float sums[multihead_tile::tokens][multihead_tile::shares][multihead_tile::channels];  // C . h
};

/// One of a block's threads.
template <bool Gated, int States, class X>
class multihead_scanner {
    using buffer = multihead_buffer<States>;
    static constexpr int width = lane_width<X>;  // of a pack of B or C
    static constexpr int row_packs = buffer::states / width;
    static constexpr int tile_packs = 2 * multihead_tile::tokens * row_packs;
    static constexpr int brought = (tile_packs + multihead_tile::threads - 1) / multihead_tile::threads;
    static constexpr int moved = multihead_tile::moved;

public:
    __device__ multihead_scanner(const multihead_task<X>& task, buffer& shared)
        : task_(task),
          shared_(shared),
          thread_(static_cast<int>(threadIdx.x)),
          head_(blockIdx.x / static_cast<unsigned>(task.slices)),
          begin_(static_cast<index>(blockIdx.y) * task.tokens) {
        const index width = task.h.columns() / task.r.heads();
        const int first = static_cast<int>(blockIdx.x) % task.slices * multihead_tile::channels;
        first_channel_ = head_ * width + first;
        channels_ = static_cast<int>(width) - first;  // of the head, from the block's first on
        first_column_ = head_ / (task.r.heads() / task.r.groups) * task.states;
    }

    __device__ void run() {
        constexpr index step = multihead_tile::tokens;
        load_state();
        bring(0);
        for (index start = 0; start < task_.tokens; start += step) {
            const index left = task_.tokens - start;
            fill(start);
            __syncthreads();
            if (left > step) bring(start + step);
            scan(left < step ? static_cast<int>(left) : multihead_tile::tokens);
            __syncthreads();
            finish(start);
        }
        store_state();
    }

private:
    [[nodiscard]] __device__ int own_channel() const { return thread_ % multihead_tile::channels; }
    [[nodiscard]] __device__ int own_states() const { return thread_ / multihead_tile::channels * States; }
    [[nodiscard]] __device__ float& state_at(int i) const {
        return task_.h(static_cast<index>(blockIdx.y) * task_.states + own_states() + i,
                       first_channel_ + own_channel());
    }
    [[nodiscard]] __device__ bool has_state(int i) const {
        return own_channel() < channels_ && own_states() + i < task_.states;
    }

    __device__ void load_state() {
#pragma unroll
        for (int i = 0; i < States; ++i) state_[i] = has_state(i) ? state_at(i) : 0.0F;
    }
    __device__ void store_state() const {
#pragma unroll
        for (int i = 0; i < States; ++i)
            if (has_state(i)) state_at(i) = state_[i];
    }

    /// Calls `work(i, token, channel)` for the elements of a tile that this thread moves.
    template <class Work>
    __device__ void for_each_moved(const Work& work) const {
#pragma unroll
        for (int i = 0; i < moved; ++i) {
            const int at = i * multihead_tile::threads + thread_;
            work(i, at / multihead_tile::channels, at % multihead_tile::channels);
        }
    }
    [[nodiscard]] __device__ bool has(index start, int token, int channel) const {
        return start + token < task_.tokens && channel < channels_;
    }

    /// Begins to load a tile.
    __device__ void bring(index start) {
        for_each_moved([&](int i, int token, int channel) {
            next_[i] = {};
            if (start + token < task_.tokens) next_[i].dt = task_.r.dt(begin_ + start + token, head_);
            if (!has(start, token, channel)) return;
            next_[i].x = widen(task_.r.x(begin_ + start + token, first_channel_ + channel));
            if (Gated) next_[i].z = widen(task_.z(begin_ + start + token, first_channel_ + channel));
        });
#pragma unroll
        for (int i = 0; i < brought; ++i) {
            const int at = i * multihead_tile::threads + thread_;
            const int token = at / row_packs % multihead_tile::tokens;
            next_b_or_c_[i] = {};
            if (at < tile_packs && start + token < task_.tokens)
                next_b_or_c_[i] = load_states(at < tile_packs / 2 ? task_.r.b : task_.r.c, begin_ + start + token,
                                              at % row_packs * width);
        }
    }

    /// `width` states of the group from state n on, zeros past the last.
    [[nodiscard]] __device__ pack<X, width> load_states(matrix_view<const X> from, index t, int n) const {
        const X* const at = from.data() + t * from.stride() + first_column_ + n;
        if (task_.state_packs) return *reinterpret_cast<const pack<X, width>*>(at);
        const auto value = [&](int i) { return n + i < task_.states ? widen(at[i]) : 0.0F; };
        pack<X, width> values;
#pragma unroll
        for (int i = 0; i < width; i += 2) values.set_pair(i, value(i), value(i + 1));
        return values;
    }

    __device__ void fill(index start) {
        for_each_moved([&](int i, int token, int channel) {
            now_[i] = next_[i];
            const float dt = Gated ? task_.dt_limits.hold(softplus_unit(next_[i].dt)) : next_[i].dt;
            shared_.input[token][channel] = dt * next_[i].x;
            if (channel == 0) shared_.decay[token] = expf(dt * task_.r.a[head_]);
        });
#pragma unroll
        for (int i = 0; i < brought; ++i) {
            const int at = i * multihead_tile::threads + thread_;
            if (at >= tile_packs) continue;
            float4* const into = reinterpret_cast<float4*>(&shared_.b_and_c[0][0][0]) + at * (width / 4);
            const pack<X, width>& from = next_b_or_c_[i];
#pragma unroll
            for (int j = 0; j < width; j += 4) into[j / 4] = float4{from[j], from[j + 1], from[j + 2], from[j + 3]};
        }
    }

    __device__ void scan(int tokens) {
        const int share = thread_ / multihead_tile::channels;
#pragma unroll 4
        for (int t = 0; t < tokens; ++t) {
            const float* const b = &shared_.b_and_c[0][t][own_states()];
            const float* const c = &shared_.b_and_c[1][t][own_states()];
            const float in = shared_.input[t][own_channel()];
            const float decay = shared_.decay[t];
            float sum[2] = {};
#pragma unroll
            for (int i = 0; i < States; ++i) {
                state_[i] = __fmaf_rn(decay, state_[i], in * b[i]);
                sum[i % 2] = __fmaf_rn(c[i], state_[i], sum[i % 2]);
            }
            shared_.sums[t][share][own_channel()] = sum[0] + sum[1];
        }
    }

    /// y of a tile, from the sums over its states.
    __device__ void finish(index start) const {
        for_each_moved([&](int i, int token, int channel) {
            if (!has(start, token, channel)) return;
            const auto& sums = shared_.sums[token];
            float y = 0.0F;
#pragma unroll
            for (int share = 0; share < multihead_tile::shares; ++share) y += sums[share][channel];
            y = __fmaf_rn(task_.r.d[head_], now_[i].x, y);
            if (Gated) y *= silu_for<X>(now_[i].z);
            task_.y(begin_ + start + token, first_channel_ + channel) = narrow<X>(y);
        });
    }

    struct element {
        float dt, x, z;
    };

    const multihead_task<X>& task_;
    buffer& shared_;
    int thread_;
    index head_, begin_, first_channel_, first_column_;
    int channels_;
    float state_[States];
    element now_[moved], next_[moved];
    pack<X, width> next_b_or_c_[brought];
};

template <bool Gated, int States, class X>
__global__ void __launch_bounds__(multihead_tile::threads)
    multihead_scan_kernel(const __grid_constant__ multihead_task<X> task) {
    extern __shared__ uint4 shared[];
    release_successor();
    wait_for_predecessor();
    multihead_scanner<Gated, States, X>(task, *reinterpret_cast<multihead_buffer<States>*>(shared)).run();
}

/// Whether the tuned form has registers for the states.
template <class X>
bool holds_multihead_states(const multihead_selective<float, X>& r) {
    return r.b.columns() / r.groups <= 256;
}

/// y of the recurrence, or with `Gated` y silu(z) of the one whose dt is softplus(r.dt), held to its limits.
template <bool Gated, class X>
void multihead_scan(const context& on, const multihead_selective<float, X>& r, const limits& dt_limits,
                    matrix_view<const X> z, matrix_view<float> h, index sequences, matrix_view<X> y) {
    const index width = h.columns() / r.heads();
    const index states = h.rows() / sequences;
    const index slices = blocks_for(width, multihead_tile::channels);
    const auto run = [&]<int States>(std::integral_constant<int, States>) {
        const auto fits = [&](matrix_view<const X> view) {
            return holds_packs(view.data(), view.stride()) && states == States * multihead_tile::shares;
        };
        const multihead_task<X> task{r,
                                     dt_limits,
                                     z,
                                     h,
                                     y,
                                     y.rows() / sequences,
                                     static_cast<int>(states),
                                     static_cast<int>(slices),
                                     fits(r.b) && fits(r.c)};
        launch(on, "multihead_scan", multihead_scan_kernel<Gated, States, X>,
               {.grid = dim3(static_cast<unsigned>(r.heads() * slices), static_cast<unsigned>(sequences)),
                .threads = multihead_tile::threads,
                .shared_bytes = sizeof(multihead_buffer<States>),
                .overlaps = true},
               task);
    };
    if (states <= 16)
        run(std::integral_constant<int, 2>{});
    else if (states <= 64)
        run(std::integral_constant<int, 8>{});
    else if (states <= 128)
        run(std::integral_constant<int, 16>{});
    else
        run(std::integral_constant<int, 32>{});
}

}  // namespace ssm::cuda_kernels
