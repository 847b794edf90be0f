// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cpu/lanes.hpp>
#include <ssm/backend/cpu/matrix.hpp>
#include <ssm/backend/cpu/thread_pool.hpp>
#include <ssm/core/view.hpp>

#include <algorithm>

namespace ssm {

/// Products with a weight matrix in which every output is one dot product summed in one fixed order: a vector
/// accumulator runs along the whole row, then its lanes are added as a tree.
///
/// So a token's result does not depend on how many tokens come with it, on the tile it falls in or on the thread that
/// computes it. That is what makes every prefill policy leave the same bits; a general matrix product, which chooses its
/// blocking by the shape, does not have this property. Weights are read as stored and widened in registers.
struct dot_tiles {
    /// y = x w^T + bias, or y += x w^T + bias when `accumulate`.
    /// x (tokens, depth), w (outputs, depth), bias (outputs) or empty, y (tokens, outputs).
    template <class W>
    static void multiply(thread_pool& pool, matrix_view<const float> x, matrix_view<const W> w,
                         vector_view<const float> bias, matrix_view<float> y, bool accumulate) {
        pool.for_each_range(w.rows(), tile_outputs, [&](index first, index last) {
            const index x_block = tokens_within(x_cache_bytes, x.columns() * index(sizeof(float)), tile_tokens);
            const index w_block = tokens_within(w_cache_bytes, w.columns() * index(sizeof(W)), tile_outputs);
            for (index t = 0; t < x.rows(); t += x_block)
                for (index o = first; o < last; o += w_block)
                    multiply_block(x, w, bias, y, accumulate, t, std::min(t + x_block, x.rows()), o,
                                   std::min(o + w_block, last));
        });
    }

private:
    // Four outputs by six tokens: 24 accumulators and 10 operands of the 32 registers of AVX-512. With 16 registers, 4 by 2.
    static constexpr index tile_outputs = 4;
    static constexpr index tile_tokens = lanes::width == 16 ? 6 : 2;
    // A block of weights stays in a private L2 cache while the tokens of a block, in the shared L3, pass by it.
    static constexpr index w_cache_bytes = index{256} << 10;
    static constexpr index x_cache_bytes = index{8} << 20;

    static constexpr index tokens_within(index cache_bytes, index row_bytes, index tile) {
        return std::max<index>(1, cache_bytes / std::max<index>(1, row_bytes) / tile) * tile;
    }

    template <class W>
    static void multiply_block(matrix_view<const float> x, matrix_view<const W> w, vector_view<const float> bias,
                               matrix_view<float> y, bool accumulate, index t, index last_token, index first_output,
                               index last_output) {
        while (t < last_token) {
            const bool whole = t + tile_tokens <= last_token;
            for (index o = first_output; o < last_output;) {
                if (o + tile_outputs <= last_output) {
                    if (whole)
                        multiply_tile<tile_outputs, tile_tokens>(x, w, bias, y, accumulate, t, o);
                    else
                        multiply_tile<tile_outputs, 1>(x, w, bias, y, accumulate, t, o);
                    o += tile_outputs;
                } else {
                    if (whole)
                        multiply_tile<1, tile_tokens>(x, w, bias, y, accumulate, t, o);
                    else
                        multiply_tile<1, 1>(x, w, bias, y, accumulate, t, o);
                    o += 1;
                }
            }
            t += whole ? tile_tokens : 1;
        }
    }

    template <index Outputs, index Tokens, class W>
    static void multiply_tile(matrix_view<const float> x, matrix_view<const W> w, vector_view<const float> bias,
                              matrix_view<float> y, bool accumulate, index t, index o) {
        const index depth = x.columns();
        const index whole = depth - depth % lanes::width;
        const W* const w_rows = w.data() + o * w.stride();
        const float* const x_rows = x.data() + t * x.stride();
        lanes::f32 sums[Outputs][Tokens] = {};

        for (index k = 0; k < whole; k += lanes::width) {
            lanes::f32 columns[Tokens];
            SSM_UNROLL for (index j = 0; j < Tokens; ++j) lanes::load(columns[j], x_rows + j * x.stride() + k);
            SSM_UNROLL for (index i = 0; i < Outputs; ++i) {
                lanes::f32 row;
                lanes::load(row, w_rows + i * w.stride() + k);
                SSM_UNROLL for (index j = 0; j < Tokens; ++j) lanes::add_product(sums[i][j], row, columns[j]);
            }
        }
        if (whole < depth) SSM_UNROLL for (index i = 0; i < Outputs; ++i) {
                lanes::f32 row;
                lanes::load_first(row, w_rows + i * w.stride() + whole, depth - whole);
                SSM_UNROLL for (index j = 0; j < Tokens; ++j) {
                    lanes::f32 column;
                    lanes::load_first(column, x_rows + j * x.stride() + whole, depth - whole);
                    lanes::add_product(sums[i][j], row, column);
                }
            }

        SSM_UNROLL for (index i = 0; i < Outputs; ++i) {
            const float offset = bias.empty() ? 0.0F : bias[o + i];
            SSM_UNROLL for (index j = 0; j < Tokens; ++j) {
                float& result = y(t + j, o + i);
                const float product = lanes::sum(sums[i][j]) + offset;
                result = accumulate ? result + product : product;
            }
        }
    }
};

}  // namespace ssm
