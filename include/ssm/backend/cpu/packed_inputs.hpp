// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cpu/lanes.hpp>
#include <ssm/backend/cpu/panel_matrix.hpp>
#include <ssm/backend/cpu/panel_tile.hpp>
#include <ssm/backend/cpu/scratch.hpp>
#include <ssm/backend/cpu/thread_pool.hpp>
#include <ssm/core/dtype.hpp>
#include <ssm/core/quantized.hpp>
#include <ssm/core/view.hpp>

#include <algorithm>
#include <cstring>

namespace ssm::cpu_kernels {

/// In what form a kernel takes its inputs.
enum class input_form { f32, bf16, quants };

/// Quantizes 32 inputs: the largest magnitude becomes 127. A NaN or infinity makes the scale NaN or infinite, and with it
/// every product.
inline void quantize_inputs(const float* x, std::int8_t* quants, input_block& block, index bias) noexcept {
    lanes::f32 largest = {};
    lanes::f32 spoilt = {};  // zero, or NaN where an input is not finite
    for (index i = 0; i < quantized_block; i += lanes::width) {
        lanes::f32 value;
        lanes::load(value, x + i);
        spoilt += value * 0.0F;
        value = value < lanes::f32{} ? -value : value;
        largest = value > largest ? value : largest;
    }
    float most = 0;
    for (int lane = 0; lane < lanes::width; ++lane) most = std::max(most, largest[lane]);
    const float unit = most > 1e-30F ? 127.0F / most : 0.0F;
    // Adding 1.5 * 2^23 leaves the nearest integer in the low mantissa bits.
    constexpr float shift = 0x1.8p23F;
    std::int32_t shifted[quantized_block];
    for (index i = 0; i < quantized_block; i += lanes::width) {
        lanes::f32 value;
        lanes::load(value, x + i);
        value = value * unit + shift;
        std::memcpy(shifted + i, &value, sizeof value);
    }
    std::int32_t sum = 0;
    for (index i = 0; i < quantized_block; ++i) {
        quants[i] = static_cast<std::int8_t>(static_cast<std::uint32_t>(shifted[i]) & 0xffU);
        sum += quants[i];
    }
    block.scale = (most > 1e-30F ? most / 127.0F : 0.0F) + lanes::sum(spoilt);
    block.offset = -static_cast<std::int32_t>(bias) * sum;
}

/// The inputs of a product as its kernels read them: cut into pieces of the depth, each with a token every
/// `panel_tile::token_bytes`, filled up with zeros to whole blocks or pairs. Lives in the calling thread's scratch.
class packed_inputs {
public:
    /// Columns of every piece but the last: 16 KiB of a panel at most, so that a tile's inputs fit the first-level cache
    /// beside it.
    [[nodiscard]] static constexpr index piece_columns(input_form form) noexcept {
        return panel_tile::token_bytes / element_bytes(form);
    }

    /// Packs x (tokens, depth) for weights of a dtype, with room for so many floats beside it. Throws memory_error.
    packed_inputs(thread_pool& pool, matrix_view<const float> x, input_form form, dtype weights, index beside)
        : form_(form), tokens_(x.rows()), depth_(padded(x.columns(), form, weights)) {
        const index pieces = tokens_ * ((depth_ + piece_columns(form) - 1) / piece_columns(form));
        const index number_bytes = pieces * panel_tile::token_bytes;
        const index blocks = form == input_form::quants ? pieces * panel_tile::token_blocks : 0;
        const index beside_bytes = (beside * index{sizeof(float)} + 63) / 64 * 64;
        std::byte* const scratch = thread_scratch(beside_bytes + number_bytes + blocks * index{sizeof(input_block)});
        beside_ = reinterpret_cast<float*>(scratch);
        numbers_ = scratch + beside_bytes;
        blocks_ = reinterpret_cast<input_block*>(numbers_ + number_bytes);
        const index bias = panel::bias_of(weights);
        pool.for_each_range(tokens_, 1, depth_, [&](index first, index last) {
            for (index t = first; t < last; ++t) pack(x.data() + t * x.stride(), x.columns(), t, bias);
        });
    }

    /// The floats beside, not zeroed.
    [[nodiscard]] float* beside() const noexcept { return beside_; }
    [[nodiscard]] index depth() const noexcept { return depth_; }
    /// Columns of the piece that begins at column k.
    [[nodiscard]] index piece(index k) const noexcept { return std::min(piece_columns(form_), depth_ - k); }
    /// A token's inputs in the piece that begins at column k.
    [[nodiscard]] std::byte* numbers(index k, index token) const noexcept {
        return numbers_ + place(k, token) * panel_tile::token_bytes;
    }
    /// A token's blocks in the same piece.
    [[nodiscard]] input_block* blocks(index k, index token) const noexcept {
        return form_ == input_form::quants ? blocks_ + place(k, token) * panel_tile::token_blocks : nullptr;
    }

private:
    [[nodiscard]] static constexpr index element_bytes(input_form form) noexcept {
        return form == input_form::f32 ? 4 : form == input_form::bf16 ? 2 : 1;
    }

    /// Which of all tokens' pieces a token's at column k is.
    [[nodiscard]] index place(index k, index token) const noexcept {
        return k / piece_columns(form_) * tokens_ + token;
    }

    [[nodiscard]] static constexpr index padded(index columns, input_form form, dtype weights) noexcept {
        if (form == input_form::quants) return blocks_of(columns) * quantized_block;
        return weights == dtype::bf16 ? (columns + 1) / 2 * 2 : columns;
    }

    /// A row of `columns` inputs as token t.
    void pack(const float* row, index columns, index t, index bias) const noexcept {
        for (index k = 0; k < depth_; k += piece(k)) {
            const index count = std::min(piece(k), columns - k);
            std::byte* const to = numbers(k, t);
            if (form_ == input_form::f32)
                pack_floats(row + k, count, piece(k), reinterpret_cast<float*>(to));
            else if (form_ == input_form::bf16)
                pack_floats(row + k, count, piece(k), reinterpret_cast<bf16*>(to));
            else
                pack_quants(row + k, count, piece(k), reinterpret_cast<std::int8_t*>(to), blocks(k, t), bias);
        }
    }

    template <class T>
    static void pack_floats(const float* from, index count, index padded, T* to) noexcept {
        for (index i = 0; i < count; ++i) to[i] = T(from[i]);
        for (index i = count; i < padded; ++i) to[i] = T(0.0F);
    }

    static void pack_quants(const float* from, index count, index padded, std::int8_t* to, input_block* blocks,
                            index bias) noexcept {
        for (index i = 0; i < padded; i += quantized_block) {
            if (i + quantized_block <= count) {
                quantize_inputs(from + i, to + i, blocks[i / quantized_block], bias);
            } else {
                float last[quantized_block] = {};
                std::copy(from + i, from + count, last);
                quantize_inputs(last, to + i, blocks[i / quantized_block], bias);
            }
        }
    }

    input_form form_;
    index tokens_;
    index depth_;
    float* beside_;
    std::byte* numbers_;
    input_block* blocks_;
};

}  // namespace ssm::cpu_kernels
