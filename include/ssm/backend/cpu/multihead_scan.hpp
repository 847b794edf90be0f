// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cpu/instruction_set.hpp>
#include <ssm/backend/cpu/lanes.hpp>
#include <ssm/backend/cpu/scan_range.hpp>
#include <ssm/core/view.hpp>
#include <ssm/policy/recurrence.hpp>

#include <algorithm>

namespace ssm::cpu_kernels {

/// Tokens of one head, with what is the same for all its channels and states: exp(dt A) and dt.
struct head_tile {
    static constexpr index most_tokens = 64;

    scan_range range;    // at most `most_tokens` tokens; channels of one head
    index first_column;  // of its group in B and C
    float decay[most_tokens];
    float step[most_tokens];
};

/// States [n, n + States) of a vector of channels, in registers from the first token of the tile to the last.
template <unsigned States>
void scan_states(const multihead_selective<float>& r, const head_tile& tile, index ch, index n, matrix_view<float> h,
                 matrix_view<float> y) {
    const index count = tile.range.last_channel - ch;
    lanes::f32 state[States];
    SSM_UNROLL
    for (unsigned i = 0; i < States; ++i) lanes::load_block(state[i], &h(n + i, ch), count);
    for (index t = tile.range.first_token; t < tile.range.last_token; ++t) {
        const float* const b = &r.b(t, tile.first_column + n);
        const float* const c = &r.c(t, tile.first_column + n);
        const lanes::f32 decay = (lanes::f32){} + tile.decay[t - tile.range.first_token];
        lanes::f32 x;
        lanes::f32 sum;
        lanes::load_block(x, &r.x(t, ch), count);
        lanes::load_block(sum, &y(t, ch), count);
        x *= tile.step[t - tile.range.first_token];
        SSM_UNROLL
        for (unsigned i = 0; i < States; ++i) {
            state[i] *= decay;
            lanes::add_product(state[i], x, (lanes::f32){} + b[i]);
            lanes::add_product(sum, state[i], (lanes::f32){} + c[i]);
        }
        lanes::store_block(&y(t, ch), sum, count);
    }
    SSM_UNROLL
    for (unsigned i = 0; i < States; ++i) lanes::store_block(&h(n + i, ch), state[i], count);
}

/// The recurrence of Mamba-2 in the order of time: a decay is computed once a head and token, and eight states of a vector
/// of channels stay in registers over a tile of tokens.
inline void scan_in_order(instruction_set, const multihead_selective<float>& r, const scan_range& range,
                          matrix_view<float> h, matrix_view<float> y) {
    constexpr unsigned states = 8;
    const index width = r.x.columns() / r.heads();
    const index group_width = r.x.columns() / r.groups;
    head_tile tile;
    for (index first = range.first_channel, last = first; first < range.last_channel; first = last) {
        const index head = first / width;
        last = std::min((head + 1) * width, range.last_channel);
        tile.first_column = first / group_width * h.rows();
        for (index t = range.first_token; t < range.last_token; t = tile.range.last_token) {
            tile.range = {t, std::min(t + head_tile::most_tokens, range.last_token), first, last};
            for (index k = t; k < tile.range.last_token; ++k) {
                tile.decay[k - t] = r.decay(k, head);
                tile.step[k - t] = r.dt(k, head);
                for (index ch = first; ch < last; ++ch) y(k, ch) = r.skip(k, ch);
            }
            for (index ch = first; ch < last; ch += lanes::width) {
                index n = 0;
                for (; n + states <= h.rows(); n += states) scan_states<states>(r, tile, ch, n, h, y);
                for (; n < h.rows(); ++n) scan_states<1>(r, tile, ch, n, h, y);
            }
        }
    }
}

}  // namespace ssm::cpu_kernels
