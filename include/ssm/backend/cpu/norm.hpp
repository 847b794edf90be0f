// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cpu/lanes.hpp>
#include <ssm/backend/cpu/thread_pool.hpp>
#include <ssm/core/view.hpp>

#include <array>
#include <cmath>
#include <cstddef>

namespace ssm::cpu_kernels {

/// A row of `columns` numbers, y = x / sqrt(mean(x^2) + eps) * gain; an empty gain means 1. x and y may be the same.
inline void normalise_row(const float* x, index columns, vector_view<const float> gain, float eps, float* y) {
    lanes::f32 squares = {};
    for (index i = 0; i < columns; i += lanes::width) {
        lanes::f32 value;
        lanes::load_block(value, x + i, columns - i);
        lanes::add_product(squares, value, value);
    }
    const float scale = 1.0F / std::sqrt(lanes::sum(squares) / static_cast<float>(columns) + eps);

    for (index i = 0; i < columns; i += lanes::width) {
        lanes::f32 value;
        lanes::load_block(value, x + i, columns - i);
        value *= scale;
        if (!gain.empty()) {
            lanes::f32 weight;
            lanes::load_block(weight, gain.data() + i, columns - i);
            value *= weight;
        }
        lanes::store_block(y + i, value, columns - i);
    }
}

/// The norm of every row of x (rows, columns); x and y may be the same.
inline void rms_norm(thread_pool& pool, matrix_view<const float> x, vector_view<const float> gain, float eps,
                     matrix_view<float> y) {
    pool.for_each_range(x.rows(), 1, x.columns(), [&](index first, index last) {
        for (index t = first; t < last; ++t)
            normalise_row(x.data() + t * x.stride(), x.columns(), gain, eps, y.data() + t * y.stride());
    });
}

/// The norms of neighbouring parts of every row, in place: part i has `sizes[i]` columns.
template <std::size_t Parts>
void rms_norm_parts(thread_pool& pool, matrix_view<float> x, const std::array<index, Parts>& sizes,
                    const std::array<vector_view<const float>, Parts>& gains, float eps) {
    pool.for_each_range(x.rows(), 1, x.columns(), [&](index first, index last) {
        for (index t = first; t < last; ++t) {
            float* part = x.data() + t * x.stride();
            for (std::size_t i = 0; i < Parts; part += sizes[i++]) normalise_row(part, sizes[i], gains[i], eps, part);
        }
    });
}

}  // namespace ssm::cpu_kernels
