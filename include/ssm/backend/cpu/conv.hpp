// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cpu/elementary.hpp>
#include <ssm/backend/cpu/lanes.hpp>
#include <ssm/backend/cpu/thread_pool.hpp>
#include <ssm/core/view.hpp>
#include <ssm/policy/conv_state.hpp>

namespace ssm::cpu_kernels {

/// Causal depthwise convolution followed by SiLU.
///
///     y[t] = silu(bias + sum over k of taps[k] x[t - (K-1) + k]),  with x[-age] read from the window
///
/// x, y (tokens, channels), not the same; taps (K, channels); bias (channels) or empty; window (K-1, channels), left
/// holding the last K-1 inputs in the order that ConvState gives them for the cursor after these tokens.
template <conv_state_policy ConvState>
void causal_conv_silu(thread_pool& pool, matrix_view<const float> x, matrix_view<const float> taps,
                      vector_view<const float> bias, matrix_view<float> window, index cursor, matrix_view<float> y) {
    const index tokens = x.rows();
    const index channels = x.columns();
    const index width = taps.rows() - 1;
    const index next_cursor = ConvState::advance(cursor, width, tokens);

    // The input `age` tokens before token t, which may lie in the window.
    const auto input = [&](index t, index age) {
        return age <= t ? x.data() + (t - age) * x.stride()
                        : window.data() + ConvState::slot(age - t, width, cursor) * window.stride();
    };

    constexpr index operations_of_silu = 24;
    const index cost = tokens * (width + 1 + operations_of_silu);
    pool.for_each_range(channels, lanes::width, cost, [&](index first, index last) {
        for (index t = 0; t < tokens; ++t) {
            for (index ch = first; ch < last; ch += lanes::width) {
                const index count = last - ch;
                lanes::f32 sum = {};
                if (!bias.empty()) lanes::load_block(sum, bias.data() + ch, count);
                for (index k = 0; k <= width; ++k) {
                    lanes::f32 tap;
                    lanes::f32 value;
                    lanes::load_block(tap, taps.data() + k * taps.stride() + ch, count);
                    lanes::load_block(value, input(t, width - k) + ch, count);
                    lanes::add_product(sum, tap, value);
                }
                lanes::silu(sum);
                lanes::store_block(y.data() + t * y.stride() + ch, sum, count);
            }
        }
        // Oldest first: a row that moves within the window is read before its place is taken.
        for (index age = width; age >= 1; --age) {
            const float* const from = input(tokens, age);
            float* const to = window.data() + ConvState::slot(age, width, next_cursor) * window.stride();
            if (from == to) continue;
            for (index ch = first; ch < last; ++ch) to[ch] = from[ch];
        }
    });
}

}  // namespace ssm::cpu_kernels
