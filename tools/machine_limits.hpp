// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cpu/dispatch.hpp>
#include <ssm/backend/cpu/instruction_set.hpp>
#include <ssm/backend/cpu/lanes.hpp>
#include <ssm/backend/cpu/thread_pool.hpp>
#include <ssm/core/dtype.hpp>

#include <algorithm>
#include <chrono>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/// \file
/// What this machine can do at best, measured beside the figures that are compared with it.
namespace ssm::tools {

/// Calls `work` again and again for about `seconds` and returns the shortest time of a call, in seconds.
template <class Work>
double shortest_time(double seconds, const Work& work) {
    using clock = std::chrono::steady_clock;
    const auto started = clock::now();
    double shortest = seconds;
    do {
        const auto begin = clock::now();
        work();
        shortest = std::min(shortest, std::chrono::duration<double>(clock::now() - begin).count());
    } while (std::chrono::duration<double>(clock::now() - started).count() < seconds);
    return shortest;
}

/// Calls `work` again and again for about `seconds` and returns the mean time of a call, in seconds.
template <class Work>
double mean_time(double seconds, const Work& work) {
    using clock = std::chrono::steady_clock;
    const auto started = clock::now();
    std::chrono::duration<double> elapsed{};
    index calls = 0;
    do {
        work();
        ++calls;
        elapsed = clock::now() - started;
    } while (elapsed.count() < seconds);
    return elapsed.count() / static_cast<double>(calls);
}

/// Bytes a second that the pool's threads read from memory, asking for it 4 KiB ahead or not, whichever is faster: a sum over
/// 512 MiB, well past any cache. The mean, as tokens are timed: what a shared machine takes from one it takes from the other.
inline double read_bandwidth(thread_pool& pool, double seconds = 0.5) {
    constexpr index count = (index{512} << 20) / index{sizeof(float)};
    const std::vector<float> values(static_cast<std::size_t>(count), 1.0F);
    std::vector<float> sums(static_cast<std::size_t>(pool.size()));
    const auto read = [&](index ahead) {
        pool.for_each_range(count, count / pool.size(), 1, [&](index begin, index end) {
            lanes::f32 sum[8] = {};
            for (index i = begin; i + 8 * lanes::width <= end; i += 8 * lanes::width) {
                if (ahead > 0)
                    for (index line = i + ahead; line < i + ahead + 8 * lanes::width; line += 16)
                        __builtin_prefetch(values.data() + std::min(line, count - 1), 0, 2);
                SSM_UNROLL for (int s = 0; s < 8; ++s) {
                    lanes::f32 value;
                    lanes::load(value, values.data() + i + s * lanes::width);
                    sum[s] += value;
                }
            }
            for (int s = 1; s < 8; ++s) sum[0] += sum[s];
            const auto slot = static_cast<std::size_t>(begin / (count / pool.size()));
            sums[std::min(slot, sums.size() - 1)] = lanes::sum(sum[0]);
        });
        volatile float used = sums[0];
        (void)used;
    };
    const double time = std::min(mean_time(seconds / 2, [&] { read(0); }), mean_time(seconds / 2, [&] { read(1024); }));
    return static_cast<double>(count) * sizeof(float) / time;
}

/// Calls `work()` on every thread of the pool at once for about `seconds`; operations a second of all together, when a call
/// is `operations` of them.
inline double rate_of(thread_pool& pool, double operations, float (*work)(), double seconds) {
    std::vector<float> results(static_cast<std::size_t>(pool.size()));
    const double time = shortest_time(seconds, [&] {
        pool.for_each_range(pool.size(), 1, index{1} << 20, [&](index begin, index end) {
            for (index thread = begin; thread < end; ++thread) results[static_cast<std::size_t>(thread)] = work();
        });
    });
    return operations * pool.size() / time;
}

inline constexpr index rounds_on_registers = 1 << 18;

/// Float multiply-adds on registers, as the target of this program has them.
inline float multiply_add_on_registers() {
    constexpr int chains = lanes::width == 16 ? 16 : 10;
    volatile float start = 1e-3F;
    const lanes::f32 factor = lanes::f32{} + start;
    lanes::f32 sum[chains];  // all different, or the compiler would compute one for all
    for (int c = 0; c < chains; ++c) sum[c] = factor + static_cast<float>(c);
    for (index round = 0; round < rounds_on_registers; ++round)
        SSM_UNROLL for (int c = 0; c < chains; ++c) lanes::add_product(sum[c], factor, sum[c]);
    for (int c = 1; c < chains; ++c) sum[0] += sum[c];
    return lanes::sum(sum[0]);
}

#if defined(__x86_64__)
inline constexpr int chains_of_avx512 = 16;

[[SSM_TARGET_AVX512]] inline float multiply_add_on_avx512() {
    volatile float start = 1e-3F;
    const __m512 factor = _mm512_set1_ps(start);
    __m512 sum[chains_of_avx512];
    for (int c = 0; c < chains_of_avx512; ++c) sum[c] = _mm512_set1_ps(start + static_cast<float>(c));
    for (index round = 0; round < rounds_on_registers; ++round)
        SSM_UNROLL for (int c = 0; c < chains_of_avx512; ++c) sum[c] = _mm512_fmadd_ps(factor, sum[c], sum[c]);
    for (int c = 1; c < chains_of_avx512; ++c) sum[0] = _mm512_add_ps(sum[0], sum[c]);
    float lanes[16];
    _mm512_storeu_ps(lanes, sum[0]);
    return lanes[0];
}

[[SSM_TARGET_AVX512]] inline float pairs_on_avx512() {
    volatile int start = 0x3c003c00;
    const auto factor = (__m512bh)_mm512_set1_epi32(start);
    __m512 sum[chains_of_avx512];
    for (int c = 0; c < chains_of_avx512; ++c) sum[c] = _mm512_set1_ps(static_cast<float>(start + c));
    for (index round = 0; round < rounds_on_registers; ++round)
        SSM_UNROLL for (int c = 0; c < chains_of_avx512; ++c) sum[c] = _mm512_dpbf16_ps(sum[c], factor, factor);
    for (int c = 1; c < chains_of_avx512; ++c) sum[0] = _mm512_add_ps(sum[0], sum[c]);
    float lanes[16];
    _mm512_storeu_ps(lanes, sum[0]);
    return lanes[0];
}

[[SSM_TARGET_AVX512]] inline float bytes_on_avx512() {
    volatile int start = 0x01020304;
    const __m512i factor = _mm512_set1_epi32(start);
    __m512i sum[chains_of_avx512];
    for (int c = 0; c < chains_of_avx512; ++c) sum[c] = _mm512_set1_epi32(start + c);
    for (index round = 0; round < rounds_on_registers; ++round)
        SSM_UNROLL for (int c = 0; c < chains_of_avx512; ++c) sum[c] = _mm512_dpbusd_epi32(sum[c], factor, factor);
    for (int c = 1; c < chains_of_avx512; ++c) sum[0] = _mm512_add_epi32(sum[0], sum[c]);
    int lanes[16];
    _mm512_storeu_si512(lanes, sum[0]);
    return static_cast<float>(lanes[0]);
}
#endif

/// Operations a second of the pool's threads in multiply-adds on registers alone, for products with weights of a dtype:
/// of floats, of pairs of bf16 where inputs are `narrow`, of bytes for quantized weights. Machines without an instruction
/// for the latter two count in floats.
inline double multiply_add_rate(thread_pool& pool, dtype type = dtype::f32, bool narrow = false, double seconds = 0.2) {
    constexpr auto rounds = static_cast<double>(rounds_on_registers);
#if defined(__x86_64__)
    if (best_instruction_set() == instruction_set::avx512) {
        constexpr double lanes = 16.0 * chains_of_avx512 * rounds;
        if (is_quantized(type)) return rate_of(pool, 8 * lanes, bytes_on_avx512, seconds);
        if (narrow && type == dtype::bf16 && kernels_of(instruction_set::avx512).have_pairs())
            return rate_of(pool, 4 * lanes, pairs_on_avx512, seconds);
        return rate_of(pool, 2 * lanes, multiply_add_on_avx512, seconds);
    }
#endif
    constexpr int chains = lanes::width == 16 ? 16 : 10;
    return rate_of(pool, 2.0 * lanes::width * chains * rounds, multiply_add_on_registers, seconds);
}

}  // namespace ssm::tools
