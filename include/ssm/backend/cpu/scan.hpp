// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cpu/buffer.hpp>
#include <ssm/backend/cpu/elementary.hpp>
#include <ssm/backend/cpu/lanes.hpp>
#include <ssm/backend/cpu/thread_pool.hpp>
#include <ssm/core/view.hpp>
#include <ssm/policy/recurrence.hpp>
#include <ssm/policy/scan.hpp>

#include <algorithm>
#include <cstddef>
#include <type_traits>

namespace ssm::cpu_kernels {

/// A rectangle of a scan: tokens [first_token, last_token) by channels [first_channel, last_channel).
struct scan_range {
    index first_token;
    index last_token;
    index first_channel;
    index last_channel;
};

/// Any recurrence, element by element, in the order of time; h (states, channels) is read and left updated.
template <recurrence R>
void scan_in_order(const R& r, const scan_range& range, matrix_view<float> h, matrix_view<float> y) {
    for (index t = range.first_token; t < range.last_token; ++t) {
        for (index ch = range.first_channel; ch < range.last_channel; ++ch) y(t, ch) = r.skip(t, ch);
        for (index n = 0; n < h.rows(); ++n)
            for (index ch = range.first_channel; ch < range.last_channel; ++ch) {
                h(n, ch) = r.transition(t, ch, n)(h(n, ch));
                y(t, ch) += r.readout(t, ch, n) * h(n, ch);
            }
    }
}

/// The selective recurrence for one vector of channels and `States` of its states, which stay in registers.
template <int States>
void selective_states(const selective<float>& r, const scan_range& range, index n, matrix_view<float> h,
                      matrix_view<float> y) {
    const index ch = range.first_channel;
    const index count = range.last_channel - ch;
    lanes::f32 rate[std::size_t{States}];
    lanes::f32 state[std::size_t{States}];
    SSM_UNROLL for (int i = 0; i < States; ++i) {
        lanes::load_block(rate[i], r.a.data() + (n + i) * r.a.stride() + ch, count);
        lanes::load_block(state[i], h.data() + (n + i) * h.stride() + ch, count);
    }
    for (index t = range.first_token; t < range.last_token; ++t) {
        lanes::f32 dt;
        lanes::f32 x;
        lanes::f32 sum;
        lanes::load_block(dt, r.dt.data() + t * r.dt.stride() + ch, count);
        lanes::load_block(x, r.x.data() + t * r.x.stride() + ch, count);
        lanes::load_block(sum, y.data() + t * y.stride() + ch, count);
        const float* const b = r.b.data() + t * r.b.stride() + n;
        const float* const c = r.c.data() + t * r.c.stride() + n;
        const lanes::f32 input = dt * x;
        SSM_UNROLL for (int i = 0; i < States; ++i) {
            lanes::f32 decay = dt * rate[i];
            lanes::exp(decay);
            lanes::f32 next = input * b[i];
            lanes::add_product(next, decay, state[i]);
            state[i] = next;
            lanes::add_product(sum, state[i], lanes::f32{} + c[i]);
        }
        lanes::store_block(y.data() + t * y.stride() + ch, sum, count);
    }
    SSM_UNROLL for (int i = 0; i < States; ++i)
        lanes::store_block(h.data() + (n + i) * h.stride() + ch, state[i], count);
}

/// The tuned form for the selective recurrence: a vector of channels at a time, time inner, in tiles short enough that a
/// tile's rows, which lie a whole row of channels apart, stay in the first-level cache and its address translation.
inline void scan_in_order(const selective<float>& r, const scan_range& range, matrix_view<float> h,
                          matrix_view<float> y) {
    constexpr index tile = 64;
    for (index t = range.first_token; t < range.last_token; t += tile)
        for (index ch = range.first_channel; ch < range.last_channel; ch += lanes::width) {
            const scan_range block{t, std::min(t + tile, range.last_token), ch,
                                   std::min<index>(ch + lanes::width, range.last_channel)};
            for (index row = block.first_token; row < block.last_token; ++row)
                for (index i = ch; i < block.last_channel; ++i) y(row, i) = r.skip(row, i);
            index n = 0;
            for (; n + 8 <= h.rows(); n += 8) selective_states<8>(r, block, n, h, y);
            for (; n + 4 <= h.rows(); n += 4) selective_states<4>(r, block, n, h, y);
            for (; n < h.rows(); ++n) selective_states<1>(r, block, n, h, y);
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
    static void run(thread_pool& pool, sequential, const R& r, index first_token, index tokens, matrix_view<float> h,
                    matrix_view<float> y) {
        pool.for_each_range(h.columns(), lanes::width, tokens * h.rows(), [&](index first, index last) {
            cpu_kernels::scan_in_order(r, {first_token, first_token + tokens, first, last}, h, y);
        });
    }
};

/// Chunks of time in parallel. Scratch: two floats per state, channel and chunk.
template <class Products>
struct scan_kernel<chunked, basic_cpu<Products>> {
    template <recurrence R>
    static void run(thread_pool& pool, chunked policy, const R& r, index first_token, index tokens,
                    matrix_view<float> h, matrix_view<float> y) {
        const index channels = h.columns();
        const index chunks = (tokens + policy.length - 1) / policy.length;
        const auto range_of = [&](index chunk) {
            return cpu_kernels::scan_range{first_token + chunk * policy.length,
                                           first_token + std::min(tokens, (chunk + 1) * policy.length), 0, channels};
        };

        cpu_buffer<float> decays = make_cpu_buffer<float>(chunks * h.size(), "chunked scan");
        cpu_buffer<float> states =
            make_cpu_buffer<float>(chunks * h.size(), "chunked scan");  // offsets, then start states
        const auto slice = [&](cpu_buffer<float>& of, index chunk) {
            return matrix_view<float>(of.data() + chunk * h.size(), h.rows(), channels);
        };
        pool.for_each_range(chunks - 1, 1, policy.length * h.size(), [&](index first, index last) {
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

        pool.for_each_range(chunks, 1, policy.length * h.size(), [&](index first, index last) {
            for (index chunk = first; chunk < last; ++chunk)
                cpu_kernels::scan_in_order(r, range_of(chunk), slice(states, chunk), y);
        });
        for (index n = 0; n < h.rows() && chunks > 0; ++n)
            for (index ch = 0; ch < channels; ++ch) h(n, ch) = slice(states, chunks - 1)(n, ch);
    }
};

}  // namespace ssm
