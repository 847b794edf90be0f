// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cpu/cpu_options.hpp>
#include <ssm/backend/cpu/lanes.hpp>
#include <ssm/backend/cpu/matrix.hpp>
#include <ssm/backend/cpu/thread_pool.hpp>
#include <ssm/core/tensor.hpp>
#include <ssm/core/view.hpp>
#include <ssm/policy/execution.hpp>

#include <algorithm>
#include <cstddef>

namespace ssm {

/// Products with a weight matrix in which every output is one dot product summed in one fixed order: a vector
/// accumulator runs along the whole row, then its lanes are added as a tree.
///
/// So a token's result does not depend on how many tokens come with it, on the tile it falls in or on the thread that
/// computes it. That is what makes every prefill policy leave the same bits; a general matrix product, which chooses its
/// blocking by the shape, does not have this property. Weights are read as stored and widened in registers.
struct dot_tiles {
    using execution = invariant;
    using matrix = cpu_matrix;

    explicit dot_tiles(const cpu_options&) {}

    [[nodiscard]] static matrix upload(thread_pool&, const stored_tensor& tensor, dtype type) {
        return matrix(tensor, type);
    }

    /// For a matrix of any dtype.
    static void multiply(thread_pool& pool, matrix_view<const float> x, const matrix& w, vector_view<const float> bias,
                         matrix_view<float> y, bool accumulate) {
        with_storage_type(w.type(), [&]<class W>(type_tag<W>) { multiply(pool, x, w.as<W>(), bias, y, accumulate); });
    }

    /// y = x w^T + bias, or y += x w^T + bias when `accumulate`.
    /// x (tokens, depth), w (outputs, depth), bias (outputs) or empty, y (tokens, outputs).
    template <class W>
    static void multiply(thread_pool& pool, matrix_view<const float> x, matrix_view<const W> w,
                         vector_view<const float> bias, matrix_view<float> y, bool accumulate) {
        const product<W> p{x, w, bias, y, accumulate};
        const index x_block = rows_within(x_cache_bytes, x.columns() * index(sizeof(float)));
        const index w_block = rows_within(w_cache_bytes, w.columns() * index(sizeof(W)));
        pool.for_each_range(w.rows(), rows_at_once, x.size(), [&](index first, index last) {
            for (index t = 0; t < x.rows(); t += x_block)
                for (index o = first; o < last; o += w_block)
                    multiply_block(p, t, std::min(t + x_block, x.rows()), o, std::min(o + w_block, last));
        });
    }

private:
    template <class W>
    struct product {
        matrix_view<const float> x;
        matrix_view<const W> w;
        vector_view<const float> bias;
        matrix_view<float> y;
        bool accumulate;
    };

    // Four outputs by six tokens are 24 accumulators and 10 operands of AVX-512's 32 registers; of 16 registers, 4 by 2.
    static constexpr int tile_tokens = lanes::width == 16 ? 6 : 2;
    static constexpr int tile_outputs = 4;
    // A single token leaves registers for more outputs, which are as many streams of weights in flight.
    static constexpr int token_outputs = 8;

    // A block of weights stays in a private L2 cache while the tokens of a block, in the shared L3, pass by it.
    static constexpr index w_cache_bytes = index{256} << 10;
    static constexpr index x_cache_bytes = index{8} << 20;
    static constexpr index rows_at_once = 24;  // a multiple of every tile side

    static constexpr index rows_within(index cache_bytes, index row_bytes) {
        return std::max<index>(1, cache_bytes / std::max<index>(1, row_bytes) / rows_at_once) * rows_at_once;
    }

    template <class W>
    static void multiply_block(const product<W>& p, index t, index last_token, index o, index last_output) {
        for (; t + tile_tokens <= last_token; t += tile_tokens)
            multiply_strip<tile_outputs, tile_tokens>(p, t, o, last_output);
        for (; t < last_token; ++t) multiply_strip<token_outputs, 1>(p, t, o, last_output);
    }

    template <int Outputs, int Tokens, class W>
    static void multiply_strip(const product<W>& p, index t, index o, index last_output) {
        for (; o + Outputs <= last_output; o += Outputs) multiply_tile<Outputs, Tokens>(p, t, o);
        for (; o < last_output; ++o) multiply_tile<1, Tokens>(p, t, o);
    }

    template <int Outputs, int Tokens, class W>
    static void multiply_tile(const product<W>& p, index t, index o) {
        lanes::f32 sums[std::size_t{Outputs}][std::size_t{Tokens}];
        sum_products<Outputs, Tokens>(&p.w(o, 0), p.w.stride(), &p.x(t, 0), p.x.stride(), p.x.columns(), sums);
        for (int i = 0; i < Outputs; ++i) {
            const float offset = p.bias.empty() ? 0.0F : p.bias[o + i];
            for (int j = 0; j < Tokens; ++j) {
                float& result = p.y(t + j, o + i);
                const float value = lanes::sum(sums[i][j]) + offset;
                result = p.accumulate ? result + value : value;
            }
        }
    }

    /// sums[i][j] = the lanes of row i of w times row j of x. A function of its own, so that the loop has all registers
    /// for its row pointers.
    template <int Outputs, int Tokens, class W>
    [[gnu::noinline]] static void sum_products(const W* w, index w_stride, const float* x, index x_stride, index depth,
                                               lanes::f32 (&sums)[std::size_t{Outputs}][std::size_t{Tokens}]) {
        lanes::f32 running[std::size_t{Outputs}][std::size_t{Tokens}] = {};
        index k = 0;
        for (; k + lanes::width <= depth; k += lanes::width)
            add_columns<Outputs, Tokens>(w + k, w_stride, x + k, x_stride, lanes::width, running);
        if (k < depth) add_columns<Outputs, Tokens>(w + k, w_stride, x + k, x_stride, depth - k, running);
        SSM_UNROLL for (int i = 0; i < Outputs; ++i) SSM_UNROLL for (int j = 0; j < Tokens; ++j) sums[i][j] =
            running[i][j];
    }

    /// One vector of `count` columns.
    template <int Outputs, int Tokens, class W>
    static void add_columns(const W* w, index w_stride, const float* x, index x_stride, index count,
                            lanes::f32 (&sums)[std::size_t{Outputs}][std::size_t{Tokens}]) {
        lanes::f32 columns[std::size_t{Tokens}];
        SSM_UNROLL for (int j = 0; j < Tokens; ++j) lanes::load_block(columns[j], x + j * x_stride, count);
        SSM_UNROLL for (int i = 0; i < Outputs; ++i) {
            lanes::f32 row;
            lanes::load_block(row, w + i * w_stride, count);
            SSM_UNROLL for (int j = 0; j < Tokens; ++j) lanes::add_product(sums[i][j], row, columns[j]);
        }
    }
};

}  // namespace ssm
