// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cuda/activation.cuh>
#include <ssm/backend/cuda/context.cuh>
#include <ssm/backend/cuda/element.cuh>
#include <ssm/core/view.hpp>
#include <ssm/policy/recurrence.hpp>

namespace ssm::cuda_kernels {

/// The tuned form of the selective recurrence, in the order of time.
///
/// Four threads share a channel and keep its states in registers; a block of 128 threads goes through 32 channels in tiles
/// of 32 tokens. What a tile needs comes as packs of 8 channels, a tile ahead of its use. dt, dt x, B and C lie in shared
/// memory, every decay of four tokens is computed before the states use them, and the partial sums of four tokens are
/// exchanged at once, so that each thread ends with the output of one. The order of every sum is the same for every
/// token, so bits do not depend on where a sequence is cut.
namespace selective_tile {
inline constexpr int threads = 128;
inline constexpr int shares = 4;  // threads a channel
inline constexpr int channels = threads / shares;
inline constexpr int tokens = 32;
inline constexpr int packed = 8;                    // channels that a thread brings and writes
inline constexpr int y_stride = channels + packed;  // keeps four tokens of eight channels in different banks
}  // namespace selective_tile

/// A scan and what surrounds it: with z and dt_bias, dt is softened first and y gated last.
template <class X>
struct selective_task {
    selective<float, X> r;
    vector_view<const float> dt_bias;  // (channels)
    matrix_view<const X> z;            // (sequences * tokens, channels)
    matrix_view<float> h;              // (sequences * states, channels)
    matrix_view<X> y;                  // (sequences * tokens, channels)
    index tokens;                      // of one sequence
    bool packs;                        // rows of dt, x, z and y can be read in packs
};

/// Eight neighbouring channels of a row, zeros past its end.
template <class X>
__device__ pack<X, 8> load_channels(matrix_view<const X> from, index t, index ch, bool packs) {
    if (packs) return *reinterpret_cast<const pack<X, 8>*>(from.data() + t * from.stride() + ch);
    pack<X, 8> values;
#pragma unroll
    for (int i = 0; i < 8; ++i) values.values[i] = ch + i < from.columns() ? from(t, ch + i) : X(0.0F);
    return values;
}

template <bool Gated, int States, class X>
__global__ void __launch_bounds__(selective_tile::threads) selective_scan_kernel(selective_task<X> task) {
    namespace tile = selective_tile;
    constexpr int states = States * tile::shares;
    constexpr int b_and_c = states * tile::tokens / tile::threads;  // of each, that a thread brings
    __shared__ float2 dt_and_input[tile::tokens][tile::channels];   // dt, dt x
    __shared__ alignas(16) float b[tile::tokens][states];
    __shared__ alignas(16) float c[tile::tokens][states];
    __shared__ alignas(16) float y[tile::tokens][tile::y_stride];

    const int thread = static_cast<int>(threadIdx.x);
    const int share = thread % tile::shares;
    const int own = thread / tile::shares;                     // the channel this thread computes
    const int row = thread / (tile::channels / tile::packed);  // the token and the channels it brings
    const int first = thread % (tile::channels / tile::packed) * tile::packed;
    const index block_channel = static_cast<index>(blockIdx.x) * tile::channels;
    const index ch = block_channel + own;
    const index count = task.r.a.rows();
    const index sequence = blockIdx.y;
    const index begin = sequence * task.tokens;
    const bool computes = ch < task.h.columns();

    float rate[States], state[States];
#pragma unroll
    for (int i = 0; i < States; ++i) {
        const index n = share * States + i;
        const bool exists = computes && n < count;
        rate[i] = exists ? task.r.a(n, ch) * log2_of_e : 0.0F;
        state[i] = exists ? task.h(sequence * count + n, ch) : 0.0F;
    }
    float bias[tile::packed] = {}, skip[tile::packed] = {};
#pragma unroll
    for (int i = 0; i < tile::packed; ++i)
        if (block_channel + first + i < task.h.columns()) {
            if (Gated) bias[i] = task.dt_bias[block_channel + first + i];
            skip[i] = task.r.d[block_channel + first + i];
        }

    pack<X, 8> next_dt = {}, next_x = {}, next_z = {};
    X next_b[b_and_c], next_c[b_and_c];
    const auto bring = [&](index start) {
        const index t = start + row;
        if (t < task.tokens && block_channel + first < task.h.columns()) {
            next_dt = load_channels(task.r.dt, begin + t, block_channel + first, task.packs);
            next_x = load_channels(task.r.x, begin + t, block_channel + first, task.packs);
            if (Gated) next_z = load_channels(task.z, begin + t, block_channel + first, task.packs);
        }
#pragma unroll
        for (int i = 0; i < b_and_c; ++i) {
            const int at = i * tile::threads + thread;
            const index token = start + at / states;
            const bool exists = token < task.tokens && at % states < count;
            next_b[i] = exists ? task.r.b(begin + token, at % states) : X(0.0F);
            next_c[i] = exists ? task.r.c(begin + token, at % states) : X(0.0F);
        }
    };

    bring(0);
    for (index start = 0; start < task.tokens; start += tile::tokens) {
        const pack<X, 8> x = next_x, z = next_z;
        const bool present = start + row < task.tokens;
#pragma unroll
        for (int i = 0; i < tile::packed; ++i) {
            // A token past the end has dt = 0, which leaves the state as it is.
            float dt = widen(next_dt.values[i]);
            if (Gated) dt = softplus_unit(dt + bias[i]);
            if (!present) dt = 0.0F;
            dt_and_input[row][first + i] = make_float2(dt, present ? dt * widen(x.values[i]) : 0.0F);
        }
#pragma unroll
        for (int i = 0; i < b_and_c; ++i) {
            const int at = i * tile::threads + thread;
            b[at / states][at % states] = widen(next_b[i]);
            c[at / states][at % states] = widen(next_c[i]);
        }
        __syncthreads();
        if (start + tile::tokens < task.tokens) bring(start + tile::tokens);

#pragma unroll 2
        for (int t = 0; t < tile::tokens; t += 4) {
            float decay[4][States], input[4], sum[4];
#pragma unroll
            for (int j = 0; j < 4; ++j) {
                const float2 now = dt_and_input[t + j][own];
                input[j] = now.y;
#pragma unroll
                for (int i = 0; i < States; ++i) decay[j][i] = exp2_unit(now.x * rate[i]);
            }
#pragma unroll
            for (int j = 0; j < 4; ++j) {
                sum[j] = 0.0F;
#pragma unroll
                for (int i = 0; i < States; ++i) {
                    state[i] = __fmaf_rn(decay[j][i], state[i], input[j] * b[t + j][share * States + i]);
                    sum[j] = __fmaf_rn(c[t + j][share * States + i], state[i], sum[j]);
                }
            }
            // Halves of the tokens change hands between shares 0, 1 and 2, 3, then single ones between neighbours.
            const bool upper = share >= 2, odd = share % 2 != 0;
            const float low = (upper ? sum[2] : sum[0]) + __shfl_xor_sync(0xffffffffU, upper ? sum[0] : sum[2], 2);
            const float high = (upper ? sum[3] : sum[1]) + __shfl_xor_sync(0xffffffffU, upper ? sum[1] : sum[3], 2);
            y[t + share][own] = (odd ? high : low) + __shfl_xor_sync(0xffffffffU, odd ? low : high, 1);
        }
        __syncthreads();

        if (present && block_channel + first < task.h.columns()) {
            pack<X, 8> result;
#pragma unroll
            for (int i = 0; i < tile::packed; ++i) {
                float value = __fmaf_rn(skip[i], widen(x.values[i]), y[row][first + i]);
                if (Gated) value *= silu_unit(widen(z.values[i]));
                result.values[i] = narrow<X>(value);
            }
            X* const to = task.y.data() + (begin + start + row) * task.y.stride() + block_channel + first;
            if (task.packs)
                *reinterpret_cast<pack<X, 8>*>(to) = result;
            else
                for (int i = 0; i < tile::packed; ++i)
                    if (block_channel + first + i < task.h.columns()) to[i] = result.values[i];
        }
    }
#pragma unroll
    for (int i = 0; i < States; ++i) {
        const index n = share * States + i;
        if (computes && n < count) task.h(sequence * count + n, ch) = state[i];
    }
}

/// Whether the tuned form has registers for the states.
template <class X>
bool holds_selective_states(const selective<float, X>& r) {
    return r.a.rows() <= 64;
}

template <bool Gated, class X>
void selective_scan(const context& on, selective_task<X> task, index sequences) {
    const index channels = task.h.columns();
    const auto fits = [](auto view) { return holds_packs(view.data(), view.stride()) && view.stride() % 8 == 0; };
    task.packs = channels % 8 == 0 && fits(task.r.dt) && fits(task.r.x) && fits(task.y) && (!Gated || fits(task.z));
    const launch_shape shape{
        .grid = dim3(grid_for(channels, selective_tile::channels), static_cast<unsigned>(sequences)),
        .threads = selective_tile::threads};
    const auto run = [&]<int States>(std::integral_constant<int, States>) {
        launch(on, "selective_scan", selective_scan_kernel<Gated, States, X>, shape, task);
    };
    const index states = task.r.a.rows();
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
