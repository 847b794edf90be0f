// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cpu/elementary.hpp>
#include <ssm/backend/cpu/lanes.hpp>
#include <ssm/backend/cpu/thread_pool.hpp>
#include <ssm/core/limits.hpp>
#include <ssm/core/model_config.hpp>
#include <ssm/core/view.hpp>

#include <algorithm>
#include <limits>

namespace ssm::cpu_kernels {

/// out[t] = table[ids[t]], widened, or NaN for an id outside the table; out (tokens, columns).
template <class Matrix>
void embed(thread_pool& pool, const Matrix& table, vector_view<const token_id> ids, matrix_view<float> out) {
    pool.for_each_range(out.rows(), 1, out.columns(), [&](index first, index last) {
        for (index t = first; t < last; ++t) {
            float* const row = out.data() + t * out.stride();
            if (ids[t] >= 0 && ids[t] < table.rows())
                table.read_row(ids[t], row);
            else
                std::fill_n(row, out.columns(), std::numeric_limits<float>::quiet_NaN());
        }
    });
}

/// x = softplus(x), held to limits, in place; (tokens, columns).
inline void soften(matrix_view<float> x, const limits& held) {
    const lanes::f32 least = (lanes::f32){} + held.least;
    const lanes::f32 most = (lanes::f32){} + held.most;
    for (index t = 0; t < x.rows(); ++t)
        for (index i = 0; i < x.columns(); i += lanes::width) {
            float* const at = x.data() + t * x.stride() + i;
            lanes::f32 value;
            lanes::load_block(value, at, x.columns() - i);
            lanes::softplus(value);
            value = value < least ? least : value;
            value = value > most ? most : value;
            lanes::store_block(at, value, x.columns() - i);
        }
}

/// y = y silu(z), in place; both (tokens, channels).
inline void gate(matrix_view<const float> z, matrix_view<float> y) {
    for (index t = 0; t < y.rows(); ++t)
        for (index i = 0; i < y.columns(); i += lanes::width) {
            float* const at = y.data() + t * y.stride() + i;
            lanes::f32 value;
            lanes::f32 gate;
            lanes::load_block(value, at, y.columns() - i);
            lanes::load_block(gate, z.data() + t * z.stride() + i, y.columns() - i);
            lanes::silu(gate);
            value *= gate;
            lanes::store_block(at, value, y.columns() - i);
        }
}

}  // namespace ssm::cpu_kernels
