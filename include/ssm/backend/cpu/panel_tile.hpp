// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cpu/panel_matrix.hpp>
#include <ssm/core/dtype.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace ssm {

/// What belongs to 32 quantized inputs of a token: they are scale * quants.
struct input_block {
    float scale;
    std::int32_t offset;  ///< what the bias of the weights adds to an integer sum, negated: -bias * sum of the quants
};

/// The work of one kernel call: a few tokens times one panel of 32 rows, or one token times a few panels, over a piece of the
/// depth,
///
///     sums[t, row] += sum over k of weights[row, k] x[t, k]
///
/// Law: whatever the number of tokens and of panels, the piece is summed in the order of k and then added to what is there. A term is one
/// input's product, or, of quants, the exact integer sum of a block times the product of both scales; multiply-adds are
/// fused where the instruction set has them.
struct panel_tile {
    const std::byte* weights;   ///< of the first panel, at the piece's first column
    index weights_stride;       ///< bytes from panel to panel
    const std::byte* x;         ///< (tokens, depth): float, bf16 or quants of 8 bits
    index x_stride;             ///< bytes from token to token
    const input_block* blocks;  ///< (tokens, blocks); null unless quantized
    index blocks_stride;        ///< from token to token
    index depth;                ///< elements; even for bf16, whole blocks for quants
    index bias;                 ///< of the quants of the weights; `input_block::offset` has it already
    float* sums;                ///< (tokens, 32), or (panels, 32)

    [[nodiscard]] const std::byte* weights_of(std::size_t panel) const noexcept {
        return weights + static_cast<index>(panel) * weights_stride;
    }
    [[nodiscard]] const std::byte* inputs(std::size_t token) const noexcept {
        return x + static_cast<index>(token) * x_stride;
    }
    [[nodiscard]] const input_block& block(std::size_t token, index b) const noexcept {
        return blocks[static_cast<index>(token) * blocks_stride + b];
    }
    /// Of a token, or of a panel.
    [[nodiscard]] float* sums_of(std::size_t row) const noexcept {
        return sums + static_cast<index>(row) * panel::rows;
    }
};

/// Asks memory for `Bytes` bytes of weights 4 KiB further on, into the second-level cache: for kernels of one token, which read
/// weights once and in one stream or two. On a Xeon a core waits a third of its time without. It may be behind the last weight; nothing
/// is read there.
template <index Bytes>
[[gnu::always_inline]] inline void ask_ahead(const std::byte* weights) noexcept {
    for (index line = 0; line < Bytes; line += 64)
        __builtin_prefetch(reinterpret_cast<const void*>(reinterpret_cast<std::uintptr_t>(weights) + 4096U +
                                                         static_cast<std::uintptr_t>(line)),
                           0, 2);
}

/// A kernel and what it takes at once: several tokens, or several panels. None: `run` is null.
struct tile_kernel {
    int tokens = 0;
    int panels = 0;
    void (*run)(const panel_tile&) noexcept = nullptr;
};

/// The kernels for one kind of weights, the widest tiles of several tokens first, then the most panels of one token; one of
/// them takes one token and one panel.
using tile_kernels = std::array<tile_kernel, 5>;

/// The first kernel of one token that takes no more than so many panels.
[[nodiscard]] inline const tile_kernel& kernel_of_token(const tile_kernels& kernels, index panels) noexcept {
    return *std::ranges::find_if(kernels,
                                 [panels](const tile_kernel& k) { return k.tokens == 1 && k.panels <= panels; });
}

/// All kernels of an instruction set.
struct panel_kernels {
    tile_kernels f32, bf16, f16, q8, q4;
    tile_kernels
        bf16_pairs;  ///< bf16 weights times inputs rounded to bf16; none where no instruction makes them faster

    /// For weights of a dtype and inputs that are not narrowed.
    [[nodiscard]] const tile_kernels& of(dtype type) const noexcept {
        switch (type) {
            case dtype::f32: break;
            case dtype::bf16: return bf16;
            case dtype::f16: return f16;
            case dtype::q8: return q8;
            case dtype::q4: return q4;
        }
        return f32;
    }
};

}  // namespace ssm
