// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cpu/buffer.hpp>
#include <ssm/backend/cpu/instruction_set.hpp>
#include <ssm/backend/cpu/scan.hpp>
#include <ssm/backend/cpu/scan_range.hpp>
#include <ssm/backend/cpu/thread_pool.hpp>
#include <ssm/core/view.hpp>
#include <ssm/policy/recurrence.hpp>
#include <ssm/policy/scan.hpp>

#include <algorithm>

namespace ssm::cpu_kernels {

/// kernel[j, i] = sum over n of readout a^j b, for the unit step (a, b) of channel first + i: what an input of 1 adds to the
/// output j tokens later. kernel (length, channels), at most `channels_at_once` of them.
template <time_invariant R>
void sum_kernel(const R& r, index first, index states, matrix_view<float> kernel) {
    std::fill_n(kernel.data(), kernel.size(), 0.0F);
    for (index n = 0; n < states; ++n) {
        float response[channels_at_once];
        for (index i = 0; i < kernel.columns(); ++i) response[i] = r.unit_step(first + i, n).b;
        for (index j = 0; j < kernel.rows(); ++j)
            for (index i = 0; i < kernel.columns(); ++i) {
                kernel(j, i) += r.readout(0, first + i, n) * response[i];
                response[i] *= r.unit_step(first + i, n).a;
            }
    }
}

/// One block of at most as many tokens as the kernel has rows, and its channels: y = skip + kernel * input + what is left of
/// the h that the block starts with. h moves on.
template <time_invariant R>
void convolve(const R& r, const scan_range& range, matrix_view<const float> kernel, matrix_view<float> h,
              matrix_view<float> y) {
    const index first = range.first_channel, count = range.last_channel - first;
    for (index t = range.first_token; t < range.last_token; ++t) {
        float sum[channels_at_once];
        for (index i = 0; i < count; ++i) sum[i] = r.skip(t, first + i);
        for (index j = 0; j <= t - range.first_token; ++j)
            for (index i = 0; i < count; ++i) sum[i] += kernel(j, i) * r.input(t - j, first + i);
        for (index i = 0; i < count; ++i) y(t, first + i) = sum[i];
    }
    for (index n = 0; n < h.rows(); ++n) {
        float left[channels_at_once];
        float state[channels_at_once];
        for (index i = 0; i < count; ++i) left[i] = state[i] = h(n, first + i);
        for (index t = range.first_token; t < range.last_token; ++t)
            for (index i = 0; i < count; ++i) {
                left[i] *= r.unit_step(first + i, n).a;
                state[i] = r.transition(t, first + i, n)(state[i]);
                y(t, first + i) += r.readout(t, first + i, n) * left[i];
            }
        for (index i = 0; i < count; ++i) h(n, first + i) = state[i];
    }
}

}  // namespace ssm::cpu_kernels

namespace ssm {

/// Channels in parallel, a few at a time, whose kernels stay in the first-level cache. Scratch: a float per channel for each
/// token of a block.
template <class Products>
struct scan_kernel<convolution, basic_cpu<Products>> {
    template <recurrence R>
    static void run(thread_pool& pool, instruction_set, convolution policy, const R& r, index first_token, index tokens,
                    matrix_view<float> h, matrix_view<float> y) {
        static_assert(time_invariant<R>,
                      "ssm: only a time-invariant recurrence runs as a convolution: it has unit_step(ch, n) and "
                      "input(t, ch), see policy/recurrence.hpp; others run with ssm::sequential or ssm::chunked");
        const index length = std::min(length_of(policy), tokens);
        const index end = first_token + tokens;
        cpu_buffer<float> kernels = make_cpu_buffer<float>(length * h.columns(), "convolution");
        const auto run_channels = [&](index first, index last) {
            const matrix_view<float> kernel(kernels.data() + first * length, length, last - first);
            cpu_kernels::sum_kernel(r, first, h.rows(), kernel);
            for (index t = first_token; t < end; t += length)
                cpu_kernels::convolve(r, {t, std::min(t + length, end), first, last}, kernel, h, y);
        };
        pool.for_each_range(h.columns(), cpu_kernels::channels_at_once, tokens * (length + h.rows()),
                            [&](index begin, index finish) {
                                for (index first = begin; first < finish; first += cpu_kernels::channels_at_once)
                                    run_channels(first, std::min(first + cpu_kernels::channels_at_once, finish));
                            });
    }
};

}  // namespace ssm
