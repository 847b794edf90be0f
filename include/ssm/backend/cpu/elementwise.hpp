// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cpu/elementary.hpp>
#include <ssm/backend/cpu/lanes.hpp>
#include <ssm/backend/cpu/matrix.hpp>
#include <ssm/backend/cpu/thread_pool.hpp>
#include <ssm/core/model_config.hpp>
#include <ssm/core/view.hpp>

#include <limits>

namespace ssm::cpu_kernels {

/// out[t] = table[ids[t]], widened, or NaN for an id outside the table; out (tokens, columns).
inline void embed(const cpu_matrix& table, vector_view<const token_id> ids, matrix_view<float> out) {
    with_storage_type(table.type(), [&]<class T>(type_tag<T>) {
        const matrix_view<const T> rows = table.as<T>();
        for (index t = 0; t < out.rows(); ++t) {
            const bool known = ids[t] >= 0 && ids[t] < table.rows();
            for (index i = 0; i < out.columns(); ++i)
                out(t, i) = known ? static_cast<float>(rows(ids[t], i)) : std::numeric_limits<float>::quiet_NaN();
        }
    });
}

/// x = softplus(x), in place.
inline void softplus(thread_pool& pool, matrix_view<float> x) {
    pool.for_each_range(x.rows(), 1, x.columns(), [&](index first, index last) {
        for (index t = first; t < last; ++t)
            for (index i = 0; i < x.columns(); i += lanes::width) {
                float* const at = x.data() + t * x.stride() + i;
                lanes::f32 value;
                lanes::load_block(value, at, x.columns() - i);
                lanes::softplus(value);
                lanes::store_block(at, value, x.columns() - i);
            }
    });
}

/// y = y silu(z), in place; both (tokens, channels).
inline void gate(thread_pool& pool, matrix_view<const float> z, matrix_view<float> y) {
    pool.for_each_range(y.rows(), 1, y.columns(), [&](index first, index last) {
        for (index t = first; t < last; ++t)
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
    });
}

}  // namespace ssm::cpu_kernels
