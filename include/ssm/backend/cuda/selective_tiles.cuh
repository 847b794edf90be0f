// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cuda/activation.cuh>
#include <ssm/backend/cuda/context.cuh>
#include <ssm/backend/cuda/element.cuh>
#include <ssm/backend/cuda/reduce.cuh>
#include <ssm/backend/cuda/selective_task.cuh>

#include <cfloat>

namespace ssm::cuda_kernels {

/// The tuned form of the selective recurrence, in the order of time.
///
/// A block goes through 32 channels in tiles of 32 tokens. Four of its warps do nothing but the recurrence: a lane has a
/// channel, a warp a quarter of the states, in registers. The other four supply them through shared memory, two tiles
/// deep: dt, dt x, B and C of the next tile, the sums of the last one made into y. So the special-function unit, whose one
/// exponential per state and token bounds the kernel, computes decays all the time. The order of every sum is the same for
/// every token, here and in the kernel for a few tokens, so bits do not depend on where a sequence is cut.
///
/// With instructions nearly as close a limit, each is counted: pointers move on instead of being computed, and rows come in
/// whole packs.
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

/// The half of a block that does the recurrence.
template <int States, class X>
__device__ void scan_tiles(const selective_task<X>& task, selective_buffer<States> (&buffers)[2]) {
    namespace tile = selective_tile;
    // Tokens whose operands are on their way: read before the sum of an earlier one is stored, because nvcc moves no read of
    // shared memory past a store.
    constexpr int ahead = States <= 8 ? 2 : 1;
    const int share = static_cast<int>(threadIdx.x) / warp_size;
    const int own = static_cast<int>(threadIdx.x) % warp_size;
    const int count = static_cast<int>(task.r.a.rows());
    const index ch = static_cast<index>(blockIdx.x) * tile::channels + own;
    const index first_state = static_cast<index>(blockIdx.y) * count;
    float rate[States], state[States];
    const auto exists = [&](int i) { return ch < task.h.columns() && share * States + i < count; };
#pragma unroll
    for (int i = 0; i < States; ++i) {
        // Finite, so that a token past the end, whose dt is 0, leaves the state alone whatever A is.
        rate[i] = exists(i) ? fmaxf(task.r.a(share * States + i, ch) * log2_of_e, -FLT_MAX) : 0.0F;
        state[i] = exists(i) ? task.h(first_state + share * States + i, ch) : 0.0F;
    }
    int buffer = 0;
    for (index start = 0; start < task.tokens; start += tile::tokens, buffer ^= 1) {
        selective_buffer<States>& at = buffers[buffer];
        await(selective_pass::filled, buffer);
        float decay[ahead][States], b[ahead][States], c[ahead][States], in[ahead];
        const auto begin = [&](int t) {
            const int slot = t % ahead;
            const float dt = at.dt[t][own];
            in[slot] = at.input[t][own];
#pragma unroll
            for (int i = 0; i < States; ++i) b[slot][i] = at.b_and_c[0][t][share * States + i];
#pragma unroll
            for (int i = 0; i < States; ++i) c[slot][i] = at.b_and_c[1][t][share * States + i];
#pragma unroll
            for (int i = 0; i < States; ++i) decay[slot][i] = exp2_unit(dt * rate[i]);
        };
#pragma unroll
        for (int t = 0; t < ahead; ++t) begin(t);
#pragma unroll
        for (int t = 0; t < tile::tokens; ++t) {
            const int slot = t % ahead;
            float sum = 0.0F;
#pragma unroll
            for (int i = 0; i < States; ++i) {
                state[i] = __fmaf_rn(decay[slot][i], state[i], in[slot] * b[slot][i]);
                sum = __fmaf_rn(c[slot][i], state[i], sum);
            }
            if (t + ahead < tile::tokens) begin(t + ahead);
            at.sums[share][t][own] = sum;
        }
        announce(selective_pass::scanned, buffer);
    }
#pragma unroll
    for (int i = 0; i < States; ++i)
        if (exists(i)) task.h(first_state + share * States + i, ch) = state[i];
}

/// The half of a block that brings what the recurrence needs and takes away what it makes; a thread has 8 channels of
/// a token of each tile, and x and z of them from when it fills a buffer until what became of it is written.
template <bool Gated, int States, class X>
class tile_supplier {
    static constexpr int states = States * selective_tile::shares;
    static constexpr int width = lane_width<X> < states ? lane_width<X> : states;  // of a pack of B or C
    static constexpr int row_packs = states / width;
    static constexpr int tile_packs = 2 * selective_tile::tokens * row_packs;
    static constexpr int brought = (tile_packs + selective_tile::suppliers - 1) / selective_tile::suppliers;
    static constexpr int packed = selective_tile::packed;
    static constexpr index step = selective_tile::tokens;
    using channel_pack = pack<X, packed>;
    using state_pack = pack<X, width>;

public:
    __device__ explicit tile_supplier(const selective_task<X>& task)
        : task_(task),
          thread_(static_cast<int>(threadIdx.x) - selective_tile::suppliers),
          row_(thread_ / (selective_tile::channels / packed)),
          own_(thread_ % (selective_tile::channels / packed) * packed) {
        const index channel = static_cast<index>(blockIdx.x) * selective_tile::channels + own_;
        const index begin = static_cast<index>(blockIdx.y) * task.tokens;
        exists_ = channel < task.h.columns();
#pragma unroll
        for (int i = 0; i < packed; ++i) {
            bias_[i] = Gated && exists_ ? task.dt_bias[channel + i] : 0.0F;
            skip_[i] = exists_ ? task.r.d[channel + i] : 0.0F;
        }
        const auto first = [&](auto view) { return view.data() + (begin + row_) * view.stride() + channel; };
        dt_ = first(task.r.dt), x_ = first(task.r.x), y_ = first(task.y);
        if (Gated) z_ = first(task.z);
#pragma unroll
        for (int i = 0; i < brought; ++i) {
            const auto& from = is_b(i) ? task.r.b : task.r.c;
            b_or_c_[i] = from.data() + (begin + token(i)) * from.stride() + first_state(i);
        }
    }

    __device__ void run(selective_buffer<States> (&buffers)[2]) {
        bring(tokens_left(0));
        for (index start = 0; start < task_.tokens + 2 * step; start += 2 * step) {
            turn<0>(start, buffers[0]);
            turn<1>(start + step, buffers[1]);
        }
    }

private:
    [[nodiscard]] __device__ int place(int i) const { return i * selective_tile::suppliers + thread_; }
    [[nodiscard]] __device__ int token(int i) const { return place(i) / row_packs % selective_tile::tokens; }
    [[nodiscard]] __device__ int first_state(int i) const { return place(i) % row_packs * width; }
    [[nodiscard]] __device__ bool is_brought(int i) const {
        return tile_packs % selective_tile::suppliers == 0 || place(i) < tile_packs;
    }
    [[nodiscard]] __device__ bool is_b(int i) const { return place(i) < tile_packs / 2; }

    /// Empties a buffer of the tile of two turns ago, if there is one, and fills it with this turn's.
    template <int Buffer>
    __device__ void turn(index start, selective_buffer<States>& buffer) {
        const int left = tokens_left(start);
        if (const int before = tokens_left(start - 2 * step); start >= 2 * step && before > 0) {
            await(selective_pass::scanned, Buffer);
            if (exists_ && row_ < before) finish(buffer, held_x_[Buffer], held_z_[Buffer]);
            y_ += step * task_.y.stride();
        }
        if (left <= 0) return;
        held_x_[Buffer] = next_x_;
        fill(row_ < left, buffer);
        announce(selective_pass::filled, Buffer);
        if (Gated) {
            if (exists_ && row_ < left) held_z_[Buffer] = load(z_);
            z_ += step * task_.z.stride();
        }
        bring(tokens_left(start + step));
    }

    /// From `start` on: as many as a tile has, if there are more; less than one, if there is none.
    [[nodiscard]] __device__ int tokens_left(index start) const {
        const index left = task_.tokens - start;
        return static_cast<int>(left < step ? left : step);
    }

    [[nodiscard]] static __device__ channel_pack load(const X* at) {
        return *reinterpret_cast<const channel_pack*>(at);
    }

    /// A pack of a row of B or C, zeros past its last state.
    [[nodiscard]] __device__ state_pack load_states(const X* at, int first) const {
        if (task_.state_packs) return *reinterpret_cast<const state_pack*>(at);
        const int count = static_cast<int>(task_.r.a.rows()) - first;
        const auto value = [&](int i) { return i < count ? widen(at[i]) : 0.0F; };
        state_pack values;
#pragma unroll
        for (int i = 0; i < width; i += 2) values.set_pair(i, value(i), value(i + 1));
        return values;
    }

    /// Begins to load a tile of `left` tokens or more.
    __device__ void bring(int left) {
        if (exists_ && row_ < left) next_dt_ = load(dt_), next_x_ = load(x_);
        dt_ += step * task_.r.dt.stride();
        x_ += step * task_.r.x.stride();
#pragma unroll
        for (int i = 0; i < brought; ++i) {
            next_b_or_c_[i] = {};
            if (is_brought(i) && token(i) < left) next_b_or_c_[i] = load_states(b_or_c_[i], first_state(i));
            b_or_c_[i] += step * (is_b(i) ? task_.r.b : task_.r.c).stride();
        }
    }

    /// A token past the end has dt = 0, which leaves the state as it is.
    __device__ void fill(bool present, selective_buffer<States>& to) const {
#pragma unroll
        for (int i = 0; i < packed; i += 4) {
            float dt[4] = {};
            if (present) {
#pragma unroll
                for (int j = 0; j < 4; ++j) {
                    dt[j] = next_dt_[i + j];
                    if (Gated) dt[j] = softplus_for<X>(dt[j] + bias_[i + j]);
                }
            }
            *reinterpret_cast<float4*>(&to.dt[row_][own_ + i]) = float4{dt[0], dt[1], dt[2], dt[3]};
            *reinterpret_cast<float4*>(&to.input[row_][own_ + i]) =
                float4{dt[0] * next_x_[i], dt[1] * next_x_[i + 1], dt[2] * next_x_[i + 2], dt[3] * next_x_[i + 3]};
        }
#pragma unroll
        for (int i = 0; i < brought; ++i) {
            if (!is_brought(i)) continue;
            float4* const into = reinterpret_cast<float4*>(&to.b_and_c[0][0][0]) + place(i) * (width / 4);
            const state_pack& from = next_b_or_c_[i];
#pragma unroll
            for (int j = 0; j < width; j += 4) into[j / 4] = float4{from[j], from[j + 1], from[j + 2], from[j + 3]};
        }
    }

    /// y of a tile, from the sums over its states.
    __device__ void finish(const selective_buffer<States>& from, const channel_pack& x, const channel_pack& z) const {
        channel_pack result;
#pragma unroll
        for (int i = 0; i < packed; i += 2) {
            float value[2];
#pragma unroll
            for (int k = 0; k < 2; ++k) {
                const int at = own_ + i + k;
                const float y = (from.sums[0][row_][at] + from.sums[1][row_][at]) +
                                (from.sums[2][row_][at] + from.sums[3][row_][at]);
                value[k] = __fmaf_rn(skip_[i + k], x[i + k], y);
                if (Gated) value[k] *= silu_for<X>(z[i + k]);
            }
            result.set_pair(i, value[0], value[1]);
        }
        *reinterpret_cast<channel_pack*>(y_) = result;
    }

    const selective_task<X>& task_;
    int thread_, row_, own_;
    bool exists_;                      // all of the channels or none
    const X *dt_, *x_, *z_ = nullptr;  // of the next tile to load
    const X* b_or_c_[brought];
    X* y_;  // of the next tile to write
    float bias_[packed], skip_[packed];
    channel_pack next_dt_ = {}, next_x_ = {};
    state_pack next_b_or_c_[brought];
    channel_pack held_x_[2] = {}, held_z_[2] = {};  // of the tile in each buffer
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

}  // namespace ssm::cuda_kernels
