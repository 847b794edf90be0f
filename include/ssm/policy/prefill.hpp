// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/dtype.hpp>
#include <ssm/core/error.hpp>

#include <concepts>
#include <string>

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

/// As long chunks as fit in so many bytes of scratch. A policy once the model's scratch is known, which `resolve` is told.
struct in_budget {
    index bytes;

    /// `scratch(tokens)` are the bytes that a chunk takes, more for more tokens. Throws memory_error when not even one
    /// token fits.
    template <class Scratch>
    [[nodiscard]] in_chunks resolve(const Scratch& scratch) const {
        if (scratch(index{1}) > bytes)
            throw memory_error({"in_budget",
                                "bytes",
                                std::to_string(bytes),
                                "at least " + std::to_string(scratch(index{1})) + " for one token",
                                {}});
        index fits = 1;
        index too_long = 2;
        for (; too_long <= longest && scratch(too_long) <= bytes; too_long *= 2) fits = too_long;
        while (too_long - fits > 1) {
            const index middle = fits + (too_long - fits) / 2;
            (scratch(middle) <= bytes ? fits : too_long) = middle;
        }
        return {fits};
    }

private:
    static constexpr index longest = index{1} << 24;  // no chunk gains from being longer
};

/// `next_chunk(left)`, with left > 0 tokens to go, is how many to take now: from 1 to left.
template <class P>
concept prefill_policy = requires(const P policy, index left) {
    { policy.next_chunk(left) } -> std::same_as<index>;
};

/// `resolve(scratch)`, with the bytes of scratch that a chunk takes, gives a prefill policy: `in_budget` is one.
template <class P>
concept resolves_to_prefill_policy = requires(const P policy, index (*scratch)(index)) {
    { policy.resolve(scratch) } -> prefill_policy;
};

/// The policy itself, or what it resolves to.
template <class P, class Scratch>
[[nodiscard]] auto resolved(const P& policy, const Scratch& scratch) {
    static_assert(prefill_policy<P> || resolves_to_prefill_policy<P>,
                  "ssm: a prefill policy has `index next_chunk(index left) const`: see policy/prefill.hpp");
    if constexpr (resolves_to_prefill_policy<P>)
        return policy.resolve(scratch);
    else
        return policy;
}

}  // namespace ssm
