// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cpu/elementary.hpp>
#include <ssm/backend/cpu/lanes.hpp>
#include <ssm/backend/cpu/scan_tile.hpp>

#include <algorithm>
#include <cstddef>

/// \file
/// The selective recurrence in vectors of whatever the compiler's target has.
namespace ssm::cpu_kernels::plain {

/// `States` states of one vector of channels, from channel ch and state n on, over the tokens of a tile.
template <int States>
void scan_states(const scan_tile& tile, index ch, index n) noexcept {
    const index count = std::min<index>(lanes::width, tile.h.columns() - ch);
    lanes::f32 rate[std::size_t{States}];
    lanes::f32 state[std::size_t{States}];
    SSM_UNROLL for (int i = 0; i < States; ++i) {
        lanes::load_block(rate[i], tile.a.data() + (n + i) * tile.a.stride() + ch, count);
        lanes::load_block(state[i], tile.h.data() + (n + i) * tile.h.stride() + ch, count);
    }
    for (index t = 0; t < tile.tokens(); ++t) {
        tile.ask_ahead(t);
        const index at = t * scan_tile::channels + ch;
        lanes::f32 dt;
        lanes::f32 x;
        lanes::f32 sum;
        lanes::load(dt, tile.dt + at);
        lanes::load(x, tile.x + at);
        lanes::load(sum, tile.y + at);
        const float* const b = tile.b.data() + t * tile.b.stride() + n;
        const float* const c = tile.c.data() + t * tile.c.stride() + n;
        const lanes::f32 input = dt * x;
        SSM_UNROLL for (int i = 0; i < States; ++i) {
            lanes::f32 decay = dt * rate[i];
            lanes::exp(decay);
            lanes::f32 next = input * b[i];
            lanes::add_product(next, decay, state[i]);
            state[i] = next;
            lanes::add_product(sum, state[i], lanes::f32{} + c[i]);
        }
        lanes::store(tile.y + at, sum);
    }
    SSM_UNROLL for (int i = 0; i < States; ++i)
        lanes::store_block(tile.h.data() + (n + i) * tile.h.stride() + ch, state[i], count);
}

inline void scan_selective(const scan_tile& tile) noexcept {
    for (index ch = 0; ch < tile.h.columns(); ch += lanes::width) {
        index n = 0;
        for (; n + 8 <= tile.h.rows(); n += 8) scan_states<8>(tile, ch, n);
        for (; n < tile.h.rows(); ++n) scan_states<1>(tile, ch, n);
    }
}

}  // namespace ssm::cpu_kernels::plain
