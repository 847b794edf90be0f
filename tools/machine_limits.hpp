// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cpu/lanes.hpp>
#include <ssm/backend/cpu/thread_pool.hpp>

#include <algorithm>
#include <chrono>
#include <vector>

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

/// Bytes a second that the pool's threads read from memory: a sum over 512 MiB, well past any cache.
inline double read_bandwidth(thread_pool& pool, double seconds = 0.5) {
    constexpr index count = (index{512} << 20) / index{sizeof(float)};
    const std::vector<float> values(static_cast<std::size_t>(count), 1.0F);
    std::vector<float> sums(static_cast<std::size_t>(pool.size()));
    const double time = shortest_time(seconds, [&] {
        pool.for_each_range(count, count / pool.size(), 1, [&](index begin, index end) {
            lanes::f32 sum[8] = {};
            for (index i = begin; i + 8 * lanes::width <= end; i += 8 * lanes::width)
                SSM_UNROLL for (int s = 0; s < 8; ++s) {
                    lanes::f32 value;
                    lanes::load(value, values.data() + i + s * lanes::width);
                    sum[s] += value;
                }
            for (int s = 1; s < 8; ++s) sum[0] += sum[s];
            const auto slot = static_cast<std::size_t>(begin / (count / pool.size()));
            sums[std::min(slot, sums.size() - 1)] = lanes::sum(sum[0]);
        });
        volatile float used = sums[0];
        (void)used;
    });
    return static_cast<double>(count) * sizeof(float) / time;
}

/// Floating-point operations a second of the pool's threads in float multiply-adds on registers alone.
inline double multiply_add_rate(thread_pool& pool, double seconds = 0.2) {
    constexpr index rounds = 1 << 18;
    constexpr int chains = lanes::width == 16 ? 16 : 10;
    std::vector<float> results(static_cast<std::size_t>(pool.size()));
    const double time = shortest_time(seconds, [&] {
        pool.for_each_range(pool.size(), 1, rounds, [&](index begin, index end) {
            for (index thread = begin; thread < end; ++thread) {
                volatile float start = 1e-3F;
                const lanes::f32 factor = lanes::f32{} + start;
                lanes::f32 sum[chains];  // all different, or the compiler would compute one for all
                for (int c = 0; c < chains; ++c) sum[c] = factor + static_cast<float>(c);
                for (index round = 0; round < rounds; ++round)
                    SSM_UNROLL for (int c = 0; c < chains; ++c) lanes::add_product(sum[c], factor, sum[c]);
                for (int c = 1; c < chains; ++c) sum[0] += sum[c];
                results[static_cast<std::size_t>(thread)] = lanes::sum(sum[0]);
            }
        });
    });
    return 2.0 * lanes::width * chains * static_cast<double>(rounds) * pool.size() / time;
}

}  // namespace ssm::tools
