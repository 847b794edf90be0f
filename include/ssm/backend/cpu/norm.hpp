// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cpu/lanes.hpp>
#include <ssm/backend/cpu/thread_pool.hpp>
#include <ssm/core/view.hpp>

#include <cmath>

namespace ssm::cpu_kernels {

/// y = x / sqrt(mean(x^2) + eps) * gain, a row at a time; an empty gain means 1. x and y (rows, columns) may be the same.
inline void rms_norm(thread_pool& pool, matrix_view<const float> x, vector_view<const float> gain, float eps,
                     matrix_view<float> y) {
    const index columns = x.columns();
    pool.for_each_range(x.rows(), 1, columns, [&](index first, index last) {
        for (index t = first; t < last; ++t) {
            const float* const from = x.data() + t * x.stride();
            float* const to = y.data() + t * y.stride();

            lanes::f32 squares = {};
            for (index i = 0; i < columns; i += lanes::width) {
                lanes::f32 value;
                lanes::load_block(value, from + i, columns - i);
                lanes::add_product(squares, value, value);
            }
            const float scale = 1.0F / std::sqrt(lanes::sum(squares) / static_cast<float>(columns) + eps);

            for (index i = 0; i < columns; i += lanes::width) {
                lanes::f32 value;
                lanes::load_block(value, from + i, columns - i);
                value *= scale;
                if (!gain.empty()) {
                    lanes::f32 weight;
                    lanes::load_block(weight, gain.data() + i, columns - i);
                    value *= weight;
                }
                lanes::store_block(to + i, value, columns - i);
            }
        }
    });
}

}  // namespace ssm::cpu_kernels
