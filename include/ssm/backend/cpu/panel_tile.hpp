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
    const std::byte* x;         ///< (tokens, depth), `token_bytes` apart: float, bf16 or quants of 8 bits
    const input_block* blocks;  ///< (tokens, blocks), `token_blocks` apart; null unless quantized
    index depth;                ///< elements; even for bf16, whole blocks for quants
    index bias;                 ///< of the quants of the weights; `input_block::offset` has it already
    float* sums;                ///< (tokens, 32), or (panels, 32)

    /// Bytes from token to token, which the longest piece fills. A constant, so that a kernel finds every token from one
    /// register: of twelve pointers g++ keeps some in vector registers, which cost 2% of a prompt's product (Zen 4).
    static constexpr index token_bytes = 512;
    static constexpr index token_blocks = token_bytes / quantized_block;  ///< blocks from token to token

    [[nodiscard]] const std::byte* weights_of(std::size_t panel) const noexcept {
        return weights + static_cast<index>(panel) * weights_stride;
    }
    [[nodiscard]] const std::byte* inputs(std::size_t token) const noexcept {
        return x + static_cast<index>(token) * token_bytes;
    }
    [[nodiscard]] const input_block& block(std::size_t token, index b) const noexcept {
        return blocks[static_cast<index>(token) * token_blocks + b];
    }
    /// Of a token, or of a panel.
    [[nodiscard]] float* sums_of(std::size_t row) const noexcept {
        return sums + static_cast<index>(row) * panel::rows;
    }
};

/// Asks memory for the line `further` bytes behind `from`, into the first-level cache (3) or the second (2). It may be behind
/// all there is; nothing is read then.
template <int Cache>
[[gnu::always_inline]] inline void ask_for_line(const std::byte* from, index further) noexcept {
    __builtin_prefetch(
        reinterpret_cast<const void*>(reinterpret_cast<std::uintptr_t>(from) + static_cast<std::uintptr_t>(further)), 0,
        Cache);
}

/// How the weights of one token come, which are read once and in one stream or two. A core of Intel's that does not ask for
/// them waits a third of its time. One of AMD's brings them by itself, and is slower for being asked: q8 with AVX2 comes at
/// 21 instead of 30 GB/s then (Zen 4). Of four streams neither needs to ask.
enum class weights_come { by_themselves, asked_for };

/// Asks memory for `Bytes` bytes of weights 4 KiB further on, into the second-level cache.
template <index Bytes>
[[gnu::always_inline]] inline void ask_ahead(const std::byte* weights) noexcept {
    for (index line = 0; line < Bytes; line += 64) ask_for_line<2>(weights, 4096 + line);
}

/// A kernel and what it takes at once: several tokens, or several panels. None: `run` is null.
struct tile_kernel {
    int tokens = 0;
    int panels = 0;
    void (*run)(const panel_tile&) noexcept = nullptr;
};

/// The kernels for one kind of weights, the widest tiles of several tokens first, then the most panels of one token; one of
/// them takes one token and one panel.
using tile_kernels = std::array<tile_kernel, 6>;

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

    /// Whether inputs that are narrowed have kernels of their own.
    [[nodiscard]] bool have_pairs() const noexcept { return bf16_pairs[0].run != nullptr; }

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
