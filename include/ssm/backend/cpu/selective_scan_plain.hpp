// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cpu/elementary.hpp>
#include <ssm/backend/cpu/lanes.hpp>
#include <ssm/backend/cpu/scan_range.hpp>
#include <ssm/core/view.hpp>
#include <ssm/policy/recurrence.hpp>

#include <algorithm>
#include <cstddef>

/// \file
/// The selective recurrence in vectors of whatever the compiler's target has.
namespace ssm::cpu_kernels::plain {

/// The selective recurrence for one vector of channels and `States` of its states, which stay in registers.
template <int States>
void scan_states(const selective<float>& r, const scan_range& range, index n, matrix_view<float> h,
                 matrix_view<float> y) noexcept {
    const index ch = range.first_channel;
    const index count = std::min<index>(lanes::width, range.last_channel - ch);
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

/// All states of one tile of `scan_range`; y holds what the skip adds and is left with the sums.
inline void scan_selective(const selective<float>& r, const scan_range& range, matrix_view<float> h,
                           matrix_view<float> y) noexcept {
    for (scan_range part = range; part.first_channel < range.last_channel; part.first_channel += lanes::width) {
        index n = 0;
        for (; n + 8 <= h.rows(); n += 8) scan_states<8>(r, part, n, h, y);
        for (; n < h.rows(); ++n) scan_states<1>(r, part, n, h, y);
    }
}

}  // namespace ssm::cpu_kernels::plain
