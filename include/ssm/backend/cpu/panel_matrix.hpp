// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cpu/thread_pool.hpp>
#include <ssm/backend/cpu/weight_memory.hpp>
#include <ssm/core/dtype.hpp>
#include <ssm/core/error.hpp>
#include <ssm/core/quantized.hpp>
#include <ssm/core/tensor.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

namespace ssm {

/// How weights lie in a panel: 32 rows of a matrix, interleaved so that a vector holds one column of as many rows as it
/// has lanes, and a product reads its weights from the first byte to the last.
///
///     f32, f16   column k: 32 elements
///     bf16       columns 2j and 2j + 1: 32 pairs, so that a pair is one 32-bit lane
///     q8         of each block 32 scales, then its columns by fours: 32 rows of 4 quants, each plus 128, so that they are
///                the unsigned operand of a machine's byte products
///     q4         the same with half as many bytes of quants: columns 4j to 4j + 3 in the lower halves, 16 further on in
///                the upper, each plus 8
namespace panel {

inline constexpr index rows = 32;
inline constexpr index columns_together = 4;                     ///< of quants
inline constexpr index scale_bytes = rows * index{sizeof(f16)};  ///< of a block
inline constexpr index q8_bytes = rows * quantized_block;        ///< quants of a block
inline constexpr index q4_bytes = q8_bytes / 2;
template <quantized_block_type B>
inline constexpr index block_bytes = scale_bytes + (std::is_same_v<B, q8_block> ? q8_bytes : q4_bytes);
inline constexpr index group_bytes = rows * columns_together;  ///< four columns of q8
inline constexpr index q8_bias = 128;
inline constexpr index q4_bias = 8;
/// What quants of a dtype are stored plus.
[[nodiscard]] constexpr index bias_of(dtype type) noexcept {
    return type == dtype::q8 ? q8_bias : type == dtype::q4 ? q4_bias : 0;
}

/// Where quant i of a block lies behind the block's scales; of q4, where the byte of nibble i lies, i < 16.
[[nodiscard]] constexpr index place_of_quant(index i, index row) noexcept {
    return i / columns_together * group_bytes + row * columns_together + i % columns_together;
}

/// Bytes of a panel of `columns` columns.
[[nodiscard]] constexpr index bytes(dtype type, index columns) noexcept {
    switch (type) {
        case dtype::f32: return columns * rows * 4;
        case dtype::bf16: return (columns + 1) / 2 * rows * 4;
        case dtype::f16: return columns * rows * 2;
        case dtype::q8: return blocks_of(columns) * block_bytes<q8_block>;
        case dtype::q4: return blocks_of(columns) * block_bytes<q4_block>;
    }
    return 0;
}

/// Panels of a matrix of so many rows.
[[nodiscard]] constexpr index panels_of(index matrix_rows) noexcept { return (matrix_rows + rows - 1) / rows; }

}  // namespace panel

/// A weight matrix (rows, columns) in panels of 32 rows, in the dtype it is kept in; rows behind the last one are zero.
/// Copies share the memory.
class panel_matrix {
public:
    panel_matrix() = default;

    /// Packs `tensor`, which has two dimensions, in `type`, rounding to nearest; from the same dtype exactly. File pages are
    /// let go of on the way, so that no second copy stays in memory. Throws memory_error; format_error when a weight is not
    /// finite or too large to be quantized.
    panel_matrix(thread_pool& pool, const stored_tensor& tensor, dtype type)
        : type_(type),
          rows_(tensor.shape[0]),
          columns_(tensor.shape[1]),
          panel_bytes_(panel::bytes(type, columns_)),
          memory_(make_weight_memory(bytes(), tensor.name)) {
        pack(pool, tensor);
    }

    [[nodiscard]] dtype type() const noexcept { return type_; }
    [[nodiscard]] index rows() const noexcept { return rows_; }
    [[nodiscard]] index columns() const noexcept { return columns_; }
    /// Of memory, padding included.
    [[nodiscard]] index bytes() const noexcept { return bytes_of(rows_, columns_, type_); }
    [[nodiscard]] static constexpr index bytes_of(index rows, index columns, dtype type) noexcept {
        return panel::panels_of(rows) * panel::bytes(type, columns);
    }

    [[nodiscard]] index panels() const noexcept { return panel::panels_of(rows_); }
    [[nodiscard]] index panel_bytes() const noexcept { return panel_bytes_; }
    /// A panel, from a column on that begins a block or a pair.
    [[nodiscard]] const std::byte* weights(index p, index column) const noexcept {
        return memory_.get() + p * panel_bytes_ + panel::bytes(type_, column);
    }

    /// A row, widened; `to` has room for `columns()` floats.
    void read_row(index row, float* to) const noexcept {
        const index p = row / panel::rows;
        const index lane = row % panel::rows;
        if (is_quantized(type_)) return read_quantized(p, lane, to);
        const std::byte* const start = weights(p, 0);
        with_storage_type(type_, [&]<class T>(type_tag<T>) {
            for (index k = 0; k < columns_; ++k) {
                T element;
                std::memcpy(&element, start + place<T>(k, lane) * index{sizeof(T)}, sizeof(T));
                to[k] = static_cast<float>(element);
            }
        });
    }

private:
    static constexpr index columns_at_once = 256;  // of a row, widened on the way; whole blocks
    static constexpr index panels_at_once = 16;    // packed before their pages of the file are let go of

    /// Where column k of a row lies in a panel, in elements.
    template <stored_element T>
    [[nodiscard]] static constexpr index place(index k, index lane) noexcept {
        if constexpr (std::is_same_v<T, bf16>)
            return (k / 2 * panel::rows + lane) * 2 + k % 2;
        else
            return k * panel::rows + lane;
    }

    void pack(thread_pool& pool, const stored_tensor& tensor) {
        std::atomic<index> refused{-1};
        const index tensor_row_bytes = row_bytes(tensor.type, columns_);
        for (index first = 0; first < panels(); first += panels_at_once) {
            const index count = std::min(panels_at_once, panels() - first);
            pool.for_each_range(count, 1, panel::rows * columns_, [&](index begin, index end) {
                for (index p = first + begin; p < first + end; ++p)
                    for (index lane = 0; lane < std::min(panel::rows, rows_ - p * panel::rows); ++lane)
                        if (!pack_row(tensor, p, lane)) refused.store(p * panel::rows + lane);
            });
            const index done = first * panel::rows;
            const index rows_done = std::min(rows_, done + count * panel::rows) - done;
            if (tensor.let_go != nullptr)
                tensor.let_go(tensor.bytes.subspan(static_cast<std::size_t>(done * tensor_row_bytes),
                                                   static_cast<std::size_t>(rows_done * tensor_row_bytes)));
        }
        if (refused.load() >= 0) refuse(tensor, refused.load());
    }

    [[noreturn]] void refuse(const stored_tensor& tensor, index row) const {
        const std::string where = "row " + std::to_string(row);
        if (tensor.type == type_)
            throw format_error({tensor.name, where, "a scale that is not finite, or a quant of -128 in q8",
                                "finite scales and, in q8, quants from -127 to 127", "quantize it again"});
        throw format_error({tensor.name, where, "a weight that is not finite or too large",
                            "weights that " + std::string(name_of(type_)) + " can hold",
                            "keep the matrices in f32, bf16 or f16"});
    }

    /// False when a weight cannot be quantized.
    bool pack_row(const stored_tensor& tensor, index p, index lane) noexcept {
        const index row = p * panel::rows + lane;
        std::byte* const start = memory_.get() + p * panel_bytes_;
        if (is_quantized(type_)) {
            bool good = true;
            with_block_type(type_, [&]<class B>(type_tag<B>) {
                for (index b = 0; b < blocks_of(columns_); ++b) {
                    B block;
                    good = block_of(tensor, row, b, block) && good;
                    store(block, lane, start + b * panel::block_bytes<B>);
                }
            });
            return good;
        }
        float values[columns_at_once];
        with_storage_type(type_, [&]<class T>(type_tag<T>) {
            for (index k = 0; k < columns_; k += columns_at_once) {
                const index count = std::min(columns_at_once, columns_ - k);
                read_columns(tensor, row, k, count, values);
                for (index i = 0; i < count; ++i) {
                    const T element(values[i]);
                    std::memcpy(start + place<T>(k + i, lane) * index{sizeof(T)}, &element, sizeof(T));
                }
            }
        });
        return true;
    }

    /// Like `read_numbers`, but may end within a block.
    static void read_columns(const stored_tensor& tensor, index row, index first, index count, float* to) noexcept {
        if (!is_quantized(tensor.type)) return read_numbers(tensor, row, first, count, to);
        for (index i = 0; i < count; i += quantized_block) {
            float values[quantized_block];
            read_numbers(tensor, row, first + i, quantized_block, values);
            std::copy_n(values, std::min(quantized_block, count - i), to + i);
        }
    }

    /// Block b of a row: as stored when it is stored in blocks of this type. False for a scale that is not finite and for a
    /// quant of -128, which q8 does not have and products rely on.
    template <quantized_block_type B>
    bool block_of(const stored_tensor& tensor, index row, index b, B& block) const noexcept {
        if (tensor.type == type_) {
            const index at = row * row_bytes(type_, columns_) + b * index{sizeof(B)};
            std::memcpy(&block, tensor.bytes.data() + at, sizeof(B));
            if constexpr (std::is_same_v<B, q8_block>)
                if (std::ranges::find(block.quants, std::int8_t{-128}) != std::end(block.quants)) return false;
            return std::isfinite(static_cast<float>(block.scale));
        }
        float values[quantized_block] = {};
        const index first = b * quantized_block;
        read_columns(tensor, row, first, std::min(quantized_block, columns_ - first), values);
        return quantize(values, block);
    }

    static void store_scale(f16 scale, index lane, std::byte* block) noexcept {
        std::memcpy(block + lane * index{sizeof(f16)}, &scale, sizeof scale);
    }

    static void store(const q8_block& block, index lane, std::byte* to) noexcept {
        store_scale(block.scale, lane, to);
        std::byte* const quants = to + panel::scale_bytes;
        for (index i = 0; i < quantized_block; ++i)
            quants[panel::place_of_quant(i, lane)] = static_cast<std::byte>(block.quants[i] + panel::q8_bias);
    }

    static void store(const q4_block& block, index lane, std::byte* to) noexcept {
        store_scale(block.scale, lane, to);
        std::byte* const quants = to + panel::scale_bytes;
        for (index i = 0; i < quantized_block / 2; ++i)
            quants[panel::place_of_quant(i, lane)] = static_cast<std::byte>(block.nibbles[i]);
    }

    void read_quantized(index p, index lane, float* to) const noexcept {
        for (index b = 0; b < blocks_of(columns_); ++b) {
            float values[quantized_block];
            const std::byte* const block = weights(p, b * quantized_block);
            const std::byte* const quants = block + panel::scale_bytes;
            f16 scale;
            std::memcpy(&scale, block + lane * index{sizeof(f16)}, sizeof scale);
            const auto unit = static_cast<float>(scale);
            const index half = type_ == dtype::q4 ? quantized_block / 2 : quantized_block;
            for (index i = 0; i < half; ++i) {
                const int byte = std::to_integer<int>(quants[panel::place_of_quant(i, lane)]);
                if (type_ == dtype::q8) {
                    values[i] = unit * static_cast<float>(byte - int{panel::q8_bias});
                } else {
                    values[i] = unit * static_cast<float>((byte & 15) - int{panel::q4_bias});
                    values[i + half] = unit * static_cast<float>((byte >> 4) - int{panel::q4_bias});
                }
            }
            const index first = b * quantized_block;
            std::copy_n(values, std::min(quantized_block, columns_ - first), to + first);
        }
    }

    dtype type_ = dtype::f32;
    index rows_ = 0;
    index columns_ = 0;
    index panel_bytes_ = 0;
    std::shared_ptr<std::byte> memory_;
};

}  // namespace ssm
