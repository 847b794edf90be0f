// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cpu/cpu_options.hpp>
#include <ssm/backend/cpu/dispatch.hpp>
#include <ssm/backend/cpu/instruction_set.hpp>
#include <ssm/backend/cpu/packed_inputs.hpp>
#include <ssm/backend/cpu/panel_matrix.hpp>
#include <ssm/backend/cpu/panel_tile.hpp>
#include <ssm/backend/cpu/thread_pool.hpp>
#include <ssm/backend/cpu/unpacking.hpp>
#include <ssm/core/tensor.hpp>
#include <ssm/core/view.hpp>
#include <ssm/policy/execution.hpp>

#include <algorithm>
#include <cstddef>

namespace ssm {

/// Products with weights packed in panels, in every dtype, by kernels picked for the machine at run time.
///
/// Every output is summed in one fixed order, that of the depth, in pieces whose boundaries are fixed as well (see
/// `panel_tile`). So a token's result does not depend on how many tokens come with it, on the tile it falls in or on the
/// thread that computes it. That is what makes every prefill policy leave the same bits; a general matrix product, which
/// chooses its blocking by the shape, does not have this property.
///
/// Inputs of products with quantized weights are quantized to 8 bits a number, a scale per 32, token by token.
class panel_products {
public:
    using execution = invariant;
    using matrix = panel_matrix;

    /// Throws argument_error for an instruction set that the machine does not have.
    explicit panel_products(const cpu_options& options)
        : kernels_(&kernels_of(validated(options.instructions))), narrows_(options.narrow_inputs) {}

    [[nodiscard]] static matrix upload(thread_pool& pool, const stored_tensor& tensor, dtype type) {
        return matrix(pool, tensor, type);
    }

    /// y = x w^T + bias, or y += x w^T + bias when `accumulate`.
    /// x (tokens, depth), w (outputs, depth), bias (outputs) or empty, y (tokens, outputs). Throws memory_error.
    void multiply(thread_pool& pool, matrix_view<const float> x, const matrix& w, vector_view<const float> bias,
                  matrix_view<float> y, bool accumulate) const {
        const bool pairs = narrows_ && w.type() == dtype::bf16 && kernels_->have_pairs();
        const auto form = is_quantized(w.type()) ? cpu_kernels::input_form::quants
                          : pairs                ? cpu_kernels::input_form::bf16
                                                 : cpu_kernels::input_form::f32;
        const index sums_size = panels_together * std::min(x.rows(), tokens_at_once) * panel::rows;
        const cpu_kernels::packed_inputs inputs(pool, x, form, w.type(), pool.size() * sums_size);
        const product p{inputs,
                        w,
                        bias,
                        y,
                        accumulate,
                        pairs ? kernels_->bf16_pairs : kernels_->of(w.type()),
                        pairs ? kernels_->bf16_pairs : kernels_->of(cpu_kernels::unpacked(w.type()))};
        pool.for_each_share(
            w.panels(), panels_together, x.size() * panel::rows, [&](index part, index first, index last) {
                float* const sums = inputs.beside() + part * sums_size;
                for (index at = first; at < last;) {
                    const index panels = panels_at_once(p.tiles, x.rows(), last - at);
                    for (index t = 0; t < x.rows(); t += tokens_at_once)
                        multiply_panels(p, {at, panels, t, std::min(tokens_at_once, x.rows() - t)}, sums);
                    at += panels;
                }
            });
    }

private:
    struct product {
        const cpu_kernels::packed_inputs& inputs;
        const matrix& w;
        vector_view<const float> bias;
        matrix_view<float> y;
        bool accumulate;
        const tile_kernels& tiles;
        const tile_kernels& tiles_of_unpacked;  // the same where there is nothing to unpack
    };

    /// Some panels by some tokens.
    struct block {
        index first_panel;
        index panels;
        index first_token;
        index tokens;
    };

    // So many tokens pass by a piece of a panel while it is in the first-level cache, and so many panels share a piece of
    // their inputs, 128 KiB of floats, in the second, where the sums are as well: 256 KiB.
    static constexpr index tokens_at_once = 256;
    static constexpr index panels_together = 8;
    // From here on weights are unpacked once for all tokens, and not in every tile. Fewer tokens read the weights in the
    // order of memory, panel by panel, and one token as many panels as a kernel takes.
    static constexpr index tokens_worth_unpacking = 12;

    static index panels_at_once(const tile_kernels& tiles, index tokens, index panels_left) {
        if (tokens == 1) return kernel_of_token(tiles, panels_left).panels;
        return tokens < tokens_worth_unpacking ? 1 : std::min(panels_together, panels_left);
    }

    /// sums (panels, tokens, 32) has room for the block.
    static void multiply_panels(const product& p, const block& of, float* sums) {
        std::fill_n(sums, of.panels * of.tokens * panel::rows, 0.0F);
        for (index k = 0; k < p.inputs.depth(); k += p.inputs.piece(k))
            for (index i = 0; i < of.panels;) i += multiply_piece(p, of, k, i, sums);
        for (index i = 0; i < of.panels; ++i)
            store(p, of.first_panel + i, of.first_token, of.tokens, sums + i * of.tokens * panel::rows);
    }

    /// The piece of the depth at k of panel i of a block, and of those after it that one token takes together; how many.
    static index multiply_piece(const product& p, const block& of, index k, index i, float* sums) {
        const panel_tile tile{.weights = p.w.weights(of.first_panel + i, k),
                              .weights_stride = p.w.panel_bytes(),
                              .x = p.inputs.numbers(k, of.first_token),
                              .blocks = p.inputs.blocks(k, of.first_token),
                              .depth = p.inputs.piece(k),
                              .bias = panel::bias_of(p.w.type()),
                              .sums = sums + i * of.tokens * panel::rows};
        if (of.tokens == 1) {
            const tile_kernel& kernel = kernel_of_token(p.tiles, of.panels - i);
            kernel.run(tile);
            return kernel.panels;
        }
        const weights_ahead next = i + 1 < of.panels ? piece_of(p, of.first_panel + i + 1, k)
                                                     : piece_of(p, of.first_panel, k + p.inputs.piece(k));
        if (&p.tiles_of_unpacked != &p.tiles && of.tokens >= tokens_worth_unpacking)
            multiply_unpacked(p, tile, of.tokens, next);
        else
            multiply_tokens(p.tiles, tile, of.tokens, next);
        return 1;
    }

    /// The piece of weights that comes next, empty behind the last: while many tokens pass by one, memory brings the other.
    struct weights_ahead {
        const std::byte* first;
        index bytes;

        /// Asks for the next `count` lines.
        void ask(index count) noexcept {
            for (; count > 0 && bytes > 0; --count, first += 64, bytes -= 64) ask_for_line<2>(first, 0);
        }
    };

    static weights_ahead piece_of(const product& p, index at, index k) {
        return {p.w.weights(at, k), panel::bytes(p.w.type(), p.inputs.piece(k))};
    }

    /// All tokens, in the widest tiles that they fill.
    static void multiply_tokens(const tile_kernels& tiles, panel_tile tile, index tokens, weights_ahead next) {
        const index lines_a_token = (next.bytes / 64 + tokens - 1) / tokens;
        for (const tile_kernel& kernel : tiles)
            for (; kernel.panels == 1 && tokens >= kernel.tokens; tokens -= kernel.tokens) {
                if (kernel.tokens > 1) next.ask(lines_a_token * kernel.tokens);
                kernel.run(tile);
                tile.x += kernel.tokens * panel_tile::token_bytes;
                if (tile.blocks != nullptr) tile.blocks += kernel.tokens * panel_tile::token_blocks;
                tile.sums += kernel.tokens * panel::rows;
            }
    }

    /// The same with the piece unpacked first.
    static void multiply_unpacked(const product& p, panel_tile tile, index tokens, weights_ahead next) {
        using cpu_kernels::packed_inputs;
        constexpr index most_bytes =
            std::max(panel::bytes(dtype::q8, packed_inputs::piece_columns(cpu_kernels::input_form::quants)),
                     panel::bytes(dtype::f32, packed_inputs::piece_columns(cpu_kernels::input_form::f32)));
        alignas(64) std::byte unpacked[most_bytes];
        cpu_kernels::unpack(p.w.type(), tile.weights, tile.depth, unpacked);
        tile.weights = unpacked;
        multiply_tokens(p.tiles_of_unpacked, tile, tokens, next);
    }

    static void store(const product& p, index at, index first_token, index tokens, const float* sums) {
        const index first = at * panel::rows;
        const index count = std::min(panel::rows, p.w.rows() - first);
        for (index t = 0; t < tokens; ++t) {
            float* const y = p.y.data() + (first_token + t) * p.y.stride() + first;
            for (index row = 0; row < count; ++row) {
                const float value = sums[t * panel::rows + row] + (p.bias.empty() ? 0.0F : p.bias[first + row]);
                y[row] = p.accumulate ? y[row] + value : value;
            }
        }
    }

    const panel_kernels* kernels_;
    bool narrows_;
};

}  // namespace ssm
