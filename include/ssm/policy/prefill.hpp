// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/dtype.hpp>

#include <concepts>

namespace ssm {

/// \file
/// How a prompt is cut. Every policy leaves the same state; they differ in scratch memory (proportional to the longest
/// chunk) and in speed.

/// The whole prompt at once: the parallel prefill of the Falcon Mamba report. Scratch grows with the prompt.
struct whole_prompt {
    [[nodiscard]] constexpr index next_chunk(index left) const noexcept { return left; }
};

/// At most `length` tokens at a time: constant memory for a prompt of any length.
struct in_chunks {
    index length = 512;  ///< tokens, positive
    [[nodiscard]] constexpr index next_chunk(index left) const noexcept { return left < length ? left : length; }
};

/// One token at a time: the sequential prefill of the Falcon Mamba report.
struct token_by_token {
    [[nodiscard]] constexpr index next_chunk(index) const noexcept { return 1; }
};

/// `next_chunk(left)`, with left > 0 tokens to go, is how many to take now: from 1 to left.
template <class P>
concept prefill_policy = requires(const P policy, index left) {
    { policy.next_chunk(left) } -> std::same_as<index>;
};

}  // namespace ssm
