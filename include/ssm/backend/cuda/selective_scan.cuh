// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cuda/activation.cuh>
#include <ssm/backend/cuda/context.cuh>
#include <ssm/backend/cuda/element.cuh>
#include <ssm/backend/cuda/reduce.cuh>
#include <ssm/core/view.hpp>
#include <ssm/policy/recurrence.hpp>

namespace ssm::cuda_kernels {

/// The tuned form of the selective recurrence, in the order of time.
///
/// A block goes through 32 channels in tiles of 32 tokens. Four of its warps do nothing but the recurrence: a lane has a
/// channel, a warp a quarter of the states, in registers. The other four supply them through shared memory, two tiles
/// deep: dt, dt x, B and C of the next tile, the sums of the last one made into y. So the special-function unit, whose one
/// exponential per state and token bounds the kernel, computes decays all the time. The order of every sum is the same for
/// every token, here and in the kernel for a few tokens, so bits do not depend on where a sequence is cut.
namespace selective_tile {
inline constexpr int shares = 4;  // warps that share the states; as many supply them
inline constexpr int suppliers = shares * warp_size;
inline constexpr int threads = 2 * suppliers;
inline constexpr int channels = warp_size;
inline constexpr int tokens = 32;
inline constexpr int packed = 8;             // channels that a supplier brings and writes
inline constexpr int stride = channels + 4;  // of a token in shared memory: packs of neighbouring tokens in other banks
}  // namespace selective_tile

/// A tile on its way between the warps of a block.
template <int States>
struct alignas(16) selective_buffer {
    float dt[selective_tile::tokens][selective_tile::stride];
    float input[selective_tile::tokens][selective_tile::stride];  // dt x
    float b_and_c[2][selective_tile::tokens][States * selective_tile::shares];
    float sums[selective_tile::shares][selective_tile::tokens][selective_tile::stride];  // C . h
};

/// The barriers by which the two halves of a block pass a buffer: each waits for the other to have arrived. Both forms ask that
/// a warp's threads come together.
///
/// racecheck of compute-sanitizer 2025 reports what a warp writes after waiting at one of them and before it announces itself at
/// another, and another warp reads after waiting there; so it does in a program of twenty lines that does only that, and for
/// which the PTX manual gives its word: when a barrier completes, what was accessed before an arrival is done for all. Waiting
/// instead of announcing quiets it and makes the kernel 4 % slower.
enum class selective_pass { filled = 1, scanned = 3 };
__device__ inline void announce(selective_pass pass, int buffer) {
    __syncwarp();
    asm volatile("bar.arrive %0, %1;" ::"r"(static_cast<int>(pass) + buffer), "n"(selective_tile::threads) : "memory");
}
__device__ inline void await(selective_pass pass, int buffer) {
    __syncwarp();
    asm volatile("bar.sync %0, %1;" ::"r"(static_cast<int>(pass) + buffer), "n"(selective_tile::threads) : "memory");
}

/// A scan and what surrounds it: with z and dt_bias, dt is softened first and y gated last.
template <class X>
struct selective_task {
    selective<float, X> r;
    vector_view<const float> dt_bias;  // (channels)
    matrix_view<const X> z;            // (sequences * tokens, channels)
    matrix_view<float> h;              // (sequences * states, channels)
    matrix_view<X> y;                  // (sequences * tokens, channels)
    index tokens;                      // of one sequence
    bool packs;                        // rows of dt, x, z and y can be read in packs of 8
    bool state_packs;                  // rows of B and C as well, and they fill the registers' states
};

/// `Count` neighbouring elements of a row, zeros past its end.
template <int Count, class X>
__device__ pack<X, Count> load_pack(matrix_view<const X> from, index t, int first, bool packs) {
    const X* const at = from.data() + t * from.stride() + first;
    if (packs) return *reinterpret_cast<const pack<X, Count>*>(at);
    const auto value = [&](int i) { return first + i < from.columns() ? widen(at[i]) : 0.0F; };
    pack<X, Count> values;
#pragma unroll
    for (int i = 0; i < Count; i += 2) values.set_pair(i, value(i), value(i + 1));
    return values;
}

/// The half of a block that does the recurrence.
template <int States, class X>
__device__ void scan_tiles(const selective_task<X>& task, selective_buffer<States> (&buffers)[2]) {
    namespace tile = selective_tile;
    constexpr int ahead = 4;  // tokens whose decays are on their way
    const int share = static_cast<int>(threadIdx.x) / warp_size;
    const int own = static_cast<int>(threadIdx.x) % warp_size;
    const int count = static_cast<int>(task.r.a.rows());
    const index ch = static_cast<index>(blockIdx.x) * tile::channels + own;
    const index first_state = static_cast<index>(blockIdx.y) * count;
    float rate[States], state[States];
    const auto exists = [&](int i) { return ch < task.h.columns() && share * States + i < count; };
#pragma unroll
    for (int i = 0; i < States; ++i) {
        rate[i] = exists(i) ? task.r.a(share * States + i, ch) * log2_of_e : 0.0F;
        state[i] = exists(i) ? task.h(first_state + share * States + i, ch) : 0.0F;
    }
    int buffer = 0;
    for (index start = 0; start < task.tokens; start += tile::tokens, buffer ^= 1) {
        selective_buffer<States>& at = buffers[buffer];
        await(selective_pass::filled, buffer);
        float decay[ahead][States];
        const auto begin = [&](int t) {
#pragma unroll
            for (int i = 0; i < States; ++i) decay[t % ahead][i] = exp2_unit(at.dt[t][own] * rate[i]);
        };
#pragma unroll
        for (int t = 0; t < ahead; ++t) begin(t);
#pragma unroll
        for (int t = 0; t < tile::tokens; ++t) {
            const float* const b = &at.b_and_c[0][t][share * States];
            const float* const c = &at.b_and_c[1][t][share * States];
            const float in = at.input[t][own];
            float sum = 0.0F;
#pragma unroll
            for (int i = 0; i < States; ++i) {
                state[i] = __fmaf_rn(decay[t % ahead][i], state[i], in * b[i]);
                sum = __fmaf_rn(c[i], state[i], sum);
            }
            at.sums[share][t][own] = sum;
            if (t + ahead < tile::tokens) begin(t + ahead);
        }
        announce(selective_pass::scanned, buffer);
    }
#pragma unroll
    for (int i = 0; i < States; ++i)
        if (exists(i)) task.h(first_state + share * States + i, ch) = state[i];
}

/// The half of a block that brings what the recurrence needs and takes away what it makes; a thread has 8 channels of
/// a token of each tile.
template <bool Gated, int States, class X>
class tile_supplier {
    static constexpr int states = States * selective_tile::shares;
    static constexpr int width = lane_width<X> < states ? lane_width<X> : states;  // of a pack of B or C
    static constexpr int row_packs = states / width;
    static constexpr int tile_packs = 2 * selective_tile::tokens * row_packs;
    static constexpr int brought = (tile_packs + selective_tile::suppliers - 1) / selective_tile::suppliers;
    static constexpr int packed = selective_tile::packed;

public:
    __device__ explicit tile_supplier(const selective_task<X>& task)
        : task_(task),
          thread_(static_cast<int>(threadIdx.x) - selective_tile::suppliers),
          row_(thread_ / (selective_tile::channels / packed)),
          own_(thread_ % (selective_tile::channels / packed) * packed),
          channel_(static_cast<int>(blockIdx.x) * selective_tile::channels + own_),
          begin_(static_cast<index>(blockIdx.y) * task.tokens) {
#pragma unroll
        for (int i = 0; i < packed; ++i) {
            const bool exists = channel_ + i < task.h.columns();
            bias_[i] = Gated && exists ? task.dt_bias[channel_ + i] : 0.0F;
            skip_[i] = exists ? task.r.d[channel_ + i] : 0.0F;
        }
    }

    __device__ void run(selective_buffer<States> (&buffers)[2]) {
        constexpr index step = selective_tile::tokens;
        bring(0);
        int buffer = 0;
        for (index start = 0; start < task_.tokens + 2 * step; start += step, buffer ^= 1) {
            if (start >= 2 * step) {
                await(selective_pass::scanned, buffer);
                finish(start - 2 * step, buffers[buffer]);
            }
            x_[0] = x_[1], z_[0] = z_[1];
            if (start >= task_.tokens) continue;
            x_[1] = next_x_, z_[1] = next_z_;
            fill(start, buffers[buffer]);
            announce(selective_pass::filled, buffer);
            if (start + step < task_.tokens) bring(start + step);
        }
    }

private:
    [[nodiscard]] __device__ bool has(index start) const {
        return channel_ < task_.h.columns() && start + row_ < task_.tokens;
    }

    /// Begins to load a tile.
    __device__ void bring(index start) {
        if (has(start)) {
            const index t = begin_ + start + row_;
            next_dt_ = load_pack<packed>(task_.r.dt, t, channel_, task_.packs);
            next_x_ = load_pack<packed>(task_.r.x, t, channel_, task_.packs);
            if (Gated) next_z_ = load_pack<packed>(task_.z, t, channel_, task_.packs);
        }
#pragma unroll
        for (int i = 0; i < brought; ++i) {
            const int at = i * selective_tile::suppliers + thread_;
            const int token = at / row_packs % selective_tile::tokens;
            next_b_or_c_[i] = {};
            if (at < tile_packs && start + token < task_.tokens)
                next_b_or_c_[i] = load_pack<width>(at < tile_packs / 2 ? task_.r.b : task_.r.c, begin_ + start + token,
                                                   at % row_packs * width, task_.state_packs);
        }
    }

    __device__ void fill(index start, selective_buffer<States>& to) const {
        const bool present = start + row_ < task_.tokens;
#pragma unroll
        for (int i = 0; i < packed; i += 4) {
            float step[4];
#pragma unroll
            for (int j = 0; j < 4; ++j) {
                // A token past the end has dt = 0, which leaves the state as it is.
                step[j] = next_dt_[i + j];
                if (Gated) step[j] = softplus_unit(step[j] + bias_[i + j]);
                if (!present) step[j] = 0.0F;
            }
            *reinterpret_cast<float4*>(&to.dt[row_][own_ + i]) = float4{step[0], step[1], step[2], step[3]};
            *reinterpret_cast<float4*>(&to.input[row_][own_ + i]) = float4{
                step[0] * next_x_[i], step[1] * next_x_[i + 1], step[2] * next_x_[i + 2], step[3] * next_x_[i + 3]};
        }
#pragma unroll
        for (int i = 0; i < brought; ++i) {
            const int at = i * selective_tile::suppliers + thread_;
            if (at >= tile_packs) continue;
            float4* const into = reinterpret_cast<float4*>(&to.b_and_c[0][0][0]) + at * (width / 4);
            const pack<X, width>& from = next_b_or_c_[i];
#pragma unroll
            for (int j = 0; j < width; j += 4) into[j / 4] = float4{from[j], from[j + 1], from[j + 2], from[j + 3]};
        }
    }

    /// y of a tile, from the sums over its states.
    __device__ void finish(index start, const selective_buffer<States>& from) const {
        if (!has(start)) return;
        pack<X, packed> result;
#pragma unroll
        for (int i = 0; i < packed; i += 2) {
            float value[2];
#pragma unroll
            for (int k = 0; k < 2; ++k) {
                const int at = own_ + i + k;
                const float y = (from.sums[0][row_][at] + from.sums[1][row_][at]) +
                                (from.sums[2][row_][at] + from.sums[3][row_][at]);
                value[k] = __fmaf_rn(skip_[i + k], x_[0][i + k], y);
                if (Gated) value[k] *= silu_for<X>(z_[0][i + k]);
            }
            result.set_pair(i, value[0], value[1]);
        }
        X* const into = task_.y.data() + (begin_ + start + row_) * task_.y.stride() + channel_;
        if (task_.packs)
            *reinterpret_cast<pack<X, packed>*>(into) = result;
        else
            for (int i = 0; i < packed; ++i)
                if (channel_ + i < task_.h.columns()) into[i] = narrow<X>(result[i]);
    }

    const selective_task<X>& task_;
    int thread_, row_, own_, channel_;
    index begin_;
    float bias_[packed], skip_[packed];
    pack<X, packed> next_dt_ = {}, next_x_ = {}, next_z_ = {};
    pack<X, packed> x_[2] = {}, z_[2] = {};  // of the last tile but one, and of the last
    pack<X, width> next_b_or_c_[brought];
};

template <bool Gated, int States, class X>
__global__ void __launch_bounds__(selective_tile::threads, 2)
    selective_scan_kernel(const __grid_constant__ selective_task<X> task) {
    extern __shared__ uint4 shared[];
    auto& buffers = *reinterpret_cast<selective_buffer<States>(*)[2]>(shared);
    release_successor();
    wait_for_predecessor();
    if (threadIdx.x < selective_tile::suppliers)
        scan_tiles<States>(task, buffers);
    else
        tile_supplier<Gated, States, X>(task).run(buffers);
}

/// The same for a few tokens, a channel a thread, for a tile would be mostly empty: the same operations in the same order,
/// down to the four sums over a quarter of the states.
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
        if (Gated) dt = softplus_unit(dt + task.dt_bias[ch]);
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
    const auto fits = [](auto view) { return holds_packs(view.data(), view.stride()) && view.stride() % 8 == 0; };
    task.packs = channels % 8 == 0 && fits(task.r.dt) && fits(task.r.x) && fits(task.y) && (!Gated || fits(task.z));
    const auto run = [&]<int States>(std::integral_constant<int, States>) {
        if (task.tokens <= 4)
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
        task.state_packs = states == States * selective_tile::shares && fits(task.r.b) && fits(task.r.c);
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
