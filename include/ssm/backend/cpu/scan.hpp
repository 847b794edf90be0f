// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cpu/buffer.hpp>
#include <ssm/backend/cpu/instruction_set.hpp>
#include <ssm/backend/cpu/multihead_scan.hpp>
#include <ssm/backend/cpu/scan_range.hpp>
#include <ssm/backend/cpu/selective_scan.hpp>
#include <ssm/backend/cpu/thread_pool.hpp>
#include <ssm/core/view.hpp>
#include <ssm/policy/recurrence.hpp>
#include <ssm/policy/scan.hpp>

#include <algorithm>

namespace ssm::cpu_kernels {

/// Any recurrence, element by element, in the order of time; h (states, channels) is read and left updated.
template <recurrence R>
void scan_in_order(instruction_set, const R& r, const scan_range& range, matrix_view<float> h, matrix_view<float> y) {
    for (index t = range.first_token; t < range.last_token; ++t) {
        for (index ch = range.first_channel; ch < range.last_channel; ++ch) y(t, ch) = r.skip(t, ch);
        for (index n = 0; n < h.rows(); ++n)
            for (index ch = range.first_channel; ch < range.last_channel; ++ch) {
                h(n, ch) = r.transition(t, ch, n)(h(n, ch));
                y(t, ch) += r.readout(t, ch, n) * h(n, ch);
            }
    }
}

/// Composes the steps of a range into one affine map per state: decay and offset are (states, channels).
template <recurrence R>
void summarise(const R& r, const scan_range& range, matrix_view<float> decay, matrix_view<float> offset) {
    for (index n = 0; n < decay.rows(); ++n)
        for (index ch = range.first_channel; ch < range.last_channel; ++ch) {
            auto map = affine<float>::identity();
            for (index t = range.first_token; t < range.last_token; ++t) map = then(map, r.transition(t, ch, n));
            decay(n, ch) = map.a;
            offset(n, ch) = map.b;
        }
}

}  // namespace ssm::cpu_kernels

namespace ssm {

template <class Products>
class basic_cpu;

/// Channels in parallel, time in order.
template <class Products>
struct scan_kernel<sequential, basic_cpu<Products>> {
    template <recurrence R>
    static void run(thread_pool& pool, instruction_set set, sequential, const R& r, index first_token, index tokens,
                    matrix_view<float> h, matrix_view<float> y) {
        const index cost = tokens * h.rows() * cpu_kernels::operations_of_a_state;
        pool.for_each_range(h.columns(), cpu_kernels::channels_at_once, cost, [&](index first, index last) {
            cpu_kernels::scan_in_order(set, r, {first_token, first_token + tokens, first, last}, h, y);
        });
    }
};

/// Chunks of time in parallel. Scratch: two floats per state, channel and chunk.
template <class Products>
struct scan_kernel<chunked, basic_cpu<Products>> {
    template <recurrence R>
    static void run(thread_pool& pool, instruction_set set, chunked policy, const R& r, index first_token, index tokens,
                    matrix_view<float> h, matrix_view<float> y) {
        const index length = length_of(policy);
        const index channels = h.columns();
        const index chunks = (tokens + length - 1) / length;
        const auto range_of = [&](index chunk) {
            return cpu_kernels::scan_range{first_token + chunk * length,
                                           first_token + std::min(tokens, (chunk + 1) * length), 0, channels};
        };

        cpu_buffer<float> decays = make_cpu_buffer<float>(chunks * h.size(), "chunked scan");
        cpu_buffer<float> states =
            make_cpu_buffer<float>(chunks * h.size(), "chunked scan");  // offsets, then start states
        const auto slice = [&](cpu_buffer<float>& of, index chunk) {
            return matrix_view<float>(of.data() + chunk * h.size(), h.rows(), channels);
        };
        pool.for_each_range(chunks - 1, 1, length * h.size(), [&](index first, index last) {
            for (index chunk = first; chunk < last; ++chunk)
                cpu_kernels::summarise(r, range_of(chunk), slice(decays, chunk), slice(states, chunk));
        });

        for (index chunk = 0; chunk < chunks; ++chunk)
            for (index n = 0; n < h.rows(); ++n)
                for (index ch = 0; ch < channels; ++ch) {
                    float& offset = slice(states, chunk)(n, ch);
                    const affine<float> step{slice(decays, chunk)(n, ch), offset};
                    offset = h(n, ch);
                    if (chunk + 1 < chunks) h(n, ch) = step(h(n, ch));
                }

        pool.for_each_range(chunks, 1, length * h.size(), [&](index first, index last) {
            for (index chunk = first; chunk < last; ++chunk)
                cpu_kernels::scan_in_order(set, r, range_of(chunk), slice(states, chunk), y);
        });
        for (index n = 0; n < h.rows() && chunks > 0; ++n)
            for (index ch = 0; ch < channels; ++ch) h(n, ch) = slice(states, chunks - 1)(n, ch);
    }
};

}  // namespace ssm
