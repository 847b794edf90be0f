// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cpu/dispatch.hpp>
#include <ssm/backend/cpu/elementary.hpp>
#include <ssm/backend/cpu/instruction_set.hpp>
#include <ssm/backend/cpu/lanes.hpp>
#include <ssm/backend/cpu/scan_range.hpp>
#include <ssm/backend/cpu/scan_tile.hpp>
#include <ssm/core/view.hpp>
#include <ssm/policy/recurrence.hpp>

#include <algorithm>
#include <cstddef>

/// \file
/// The selective recurrence in tiles. What surrounds it in a layer is done on the way into a tile and out of it.
namespace ssm::cpu_kernels {

/// What sharing a scan among threads counts for a token's state: an exponential and a few multiply-adds.
inline constexpr index operations_of_a_state = 16;

/// Nothing before a scan and nothing after it.
struct scan_alone {
    [[nodiscard]] scan_tile::lines reads_after(index t, index ch, matrix_view<float> y) const noexcept {
        return {y.data() + t * y.stride() + ch, y.stride()};
    }
    void before(index, lanes::f32&, index) const noexcept {}
    void after(index, index, lanes::f32&, index) const noexcept {}
};

/// dt = softplus(dt + bias) before a scan, y = y silu(z) after it.
struct scan_gated {
    vector_view<const float> dt_bias;
    matrix_view<const float> z;

    [[nodiscard]] scan_tile::lines reads_after(index t, index ch, matrix_view<float>) const noexcept {
        return {z.data() + t * z.stride() + ch, z.stride()};
    }
    void before(index ch, lanes::f32& dt, index count) const noexcept {
        lanes::f32 bias;
        lanes::load_block(bias, dt_bias.data() + ch, count);
        dt += bias;
        lanes::softplus(dt);
    }
    void after(index t, index ch, lanes::f32& y, index count) const noexcept {
        lanes::f32 gate;
        lanes::load_block(gate, z.data() + t * z.stride() + ch, count);
        lanes::silu(gate);
        y *= gate;
    }
};

/// Rows of a few neighbouring tiles: their dt and x on the way in, their y on the way out, whole lines of the cache at a
/// time. The kernel runs between the two.
template <class Around>
class scan_block {
public:
    static constexpr index tokens = 16;
    static constexpr index tiles = 4;
    static constexpr index channels = tiles * scan_tile::channels;

    explicit scan_block(const Around& around) : around_(around) {}

    /// Runs `range`, and asks for the inputs of `next` meanwhile; for its rates and states too when they are `cold`.
    void run(selective_scan_kernel scan, const selective<float>& r, const scan_range& range, const scan_range& next,
             bool cold, matrix_view<float> h, matrix_view<float> y) {
        const index rows = range.last_token - range.first_token;
        const index columns = range.last_channel - range.first_channel;
        for (index t = 0; t < rows; ++t) load(r, range.first_token + t, t, range.first_channel, columns);
        for (index ch = 0; ch < columns; ch += scan_tile::channels) {
            const index count = std::min(scan_tile::channels, columns - ch);
            const std::size_t tile = static_cast<std::size_t>(ch / scan_tile::channels);
            const index first = range.first_channel + ch;
            const index next_channel = std::min(next.first_channel + ch, next.last_channel - 1);
            const auto next_rows = [&](matrix_view<const float> of) -> scan_tile::lines {
                return {of.data() + next.first_token * of.stride() + next_channel, of.stride()};
            };
            if (cold) {
                ask_for_column(r.a, next_channel);
                ask_for_column(h, next_channel);
            }
            scan({dt_[tile][0],
                  x_[tile][0],
                  y_[tile][0],
                  r.a.columns(first, count),
                  r.b.rows(range.first_token, rows),
                  r.c.rows(range.first_token, rows),
                  h.columns(first, count),
                  {scan_tile::lines{y.data() + range.first_token * y.stride() + first, y.stride()},
                   around_.reads_after(range.first_token, first, y), next_rows(r.dt), next_rows(r.x)},
                  std::min(rows, next.last_token - next.first_token)});
        }
        for (index t = 0; t < rows; ++t) store(range.first_token + t, t, range.first_channel, columns, y);
    }

private:
    using rows_of_tile = float[tokens][scan_tile::channels];

    /// Asks memory for the line of the cache around a column in every row.
    static void ask_for_column(matrix_view<const float> of, index column) noexcept {
        for (index row = 0; row < of.rows(); ++row) __builtin_prefetch(of.data() + row * of.stride() + column, 0, 3);
    }

    [[nodiscard]] static float* at(rows_of_tile (&of)[tiles], index t, index i) noexcept {
        return of[i / scan_tile::channels][t] + i % scan_tile::channels;
    }

    /// Token `from` of the layer becomes token t of the tiles, `columns` channels from `first` on; zeros fill up a tile.
    void load(const selective<float>& r, index from, index t, index first, index columns) noexcept {
        const float* const dt_row = r.dt.data() + from * r.dt.stride() + first;
        const float* const x_row = r.x.data() + from * r.x.stride() + first;
        for (index i = 0; i < columns; i += lanes::width) {
            const index count = columns - i;
            lanes::f32 dt, x, d;
            lanes::load_block(dt, dt_row + i, count);
            lanes::load_block(x, x_row + i, count);
            lanes::load_block(d, r.d.data() + first + i, count);
            around_.before(first + i, dt, count);
            lanes::store(at(dt_, t, i), dt);
            lanes::store(at(x_, t, i), x);
            lanes::store(at(y_, t, i), d * x);
        }
        for (index i = columns; i % scan_tile::channels != 0; ++i) *at(dt_, t, i) = *at(x_, t, i) = *at(y_, t, i) = 0;
    }

    void store(index to, index t, index first, index columns, matrix_view<float> y) noexcept {
        for (index i = 0; i < columns; i += lanes::width) {
            lanes::f32 value;
            lanes::load(value, at(y_, t, i));
            around_.after(to, first + i, value, columns - i);
            lanes::store_block(y.data() + to * y.stride() + first + i, value, columns - i);
        }
    }

    const Around& around_;
    alignas(64) rows_of_tile dt_[tiles];
    alignas(64) rows_of_tile x_[tiles];
    alignas(64) rows_of_tile y_[tiles];
};

/// The selective recurrence over a range, with what is around it; h (states, channels) is read and left updated.
template <class Around>
void scan_in_blocks(instruction_set set, const Around& around, const selective<float>& r, const scan_range& range,
                    matrix_view<float> h, matrix_view<float> y) {
    using block_type = scan_block<Around>;
    const selective_scan_kernel scan = selective_scan_of(set);
    block_type block(around);
    const auto block_at = [&](index t, index ch) -> scan_range {
        return {t, std::min(t + block_type::tokens, range.last_token), ch,
                std::min(ch + block_type::channels, range.last_channel)};
    };
    const auto after = [&](const scan_range& at) {
        if (at.last_channel < range.last_channel) return block_at(at.first_token, at.last_channel);
        return at.last_token < range.last_token ? block_at(at.last_token, range.first_channel) : at;
    };
    for (index t = range.first_token; t < range.last_token; t += block_type::tokens)
        for (index ch = range.first_channel; ch < range.last_channel; ch += block_type::channels) {
            const scan_range at = block_at(t, ch);
            block.run(scan, r, at, after(at), t == range.first_token, h, y);
        }
}

/// The tuned form of `scan_in_order`.
inline void scan_in_order(instruction_set set, const selective<float>& r, const scan_range& range, matrix_view<float> h,
                          matrix_view<float> y) {
    scan_in_blocks(set, scan_alone{}, r, range, h, y);
}

/// The selective recurrence with what surrounds it in a layer: dt is softened first, softplus(dt + dt_bias), and y is gated
/// last, y silu(z). r, z and y are of one sequence.
inline void gated_scan(instruction_set set, const selective<float>& r, vector_view<const float> dt_bias,
                       matrix_view<const float> z, const scan_range& range, matrix_view<float> h,
                       matrix_view<float> y) {
    scan_in_blocks(set, scan_gated{dt_bias, z}, r, range, h, y);
}

}  // namespace ssm::cpu_kernels
