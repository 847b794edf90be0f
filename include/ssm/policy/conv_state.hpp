// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/config.hpp>
#include <ssm/core/dtype.hpp>

#include <concepts>

namespace ssm {

/// \file
/// Where the last K-1 inputs of the causal convolution are kept: a window of `width` = K-1 rows and a cursor.
///
/// `slot(age, width, cursor)` is the row that holds the input `age` tokens back (1 is the previous token, `width` the
/// oldest one kept), and `advance(cursor, width, tokens)` the cursor after that many more tokens. A kernel needs nothing
/// else, so every policy runs on every backend.

/// Oldest row first. The cursor stays 0 and the rows move, which costs K-2 row copies a token and keeps the window in
/// the order that checkpoints of other libraries use.
struct shift_window {
    [[nodiscard]] SSM_HD static constexpr index slot(index age, index width, index /*cursor*/) noexcept {
        return width - age;
    }
    [[nodiscard]] SSM_HD static constexpr index advance(index cursor, index /*width*/, index /*tokens*/) noexcept {
        return cursor;
    }
};

/// A ring: rows stay where they were written and the cursor, the row written next, moves.
struct ring_window {
    [[nodiscard]] SSM_HD static constexpr index slot(index age, index width, index cursor) noexcept {
        return (cursor + width - age) % width;
    }
    [[nodiscard]] SSM_HD static constexpr index advance(index cursor, index width, index tokens) noexcept {
        return width == 0 ? 0 : (cursor + tokens % width) % width;
    }
};

/// `slot` maps an input's age to its row.
template <class P>
concept maps_age_to_slot = requires(index i) {
    { P::slot(i, i, i) } -> std::same_as<index>;
};

/// `advance` moves the cursor.
template <class P>
concept advances_cursor = requires(index i) {
    { P::advance(i, i, i) } -> std::same_as<index>;
};

/// A conv-state policy.
template <class P>
concept conv_state_policy = maps_age_to_slot<P> && advances_cursor<P>;

}  // namespace ssm
