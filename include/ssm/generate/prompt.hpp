// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/error.hpp>
#include <ssm/core/model_config.hpp>
#include <ssm/policy/prefill.hpp>

#include <functional>
#include <span>
#include <string>

/// \file
/// Reading a prompt in chunks: what all kinds of sessions, and batches, do alike.
namespace ssm {

/// Called after each chunk of a prompt with the tokens done and their total; returning false stops with `cancelled`.
using prefill_progress = std::function<bool(index done, index total)>;

/// Throws argument_error for no ids or one outside the vocabulary.
inline void check_tokens(std::span<const token_id> ids, index vocab) {
    if (ids.empty())
        throw argument_error({"token ids",
                              {},
                              "none",
                              "at least one token",
                              "begin an empty prompt with the beginning- or end-of-text token"});
    for (std::size_t i = 0; i < ids.size(); ++i)
        if (ids[i] < 0 || ids[i] >= vocab)
            throw argument_error({"token ids",
                                  {},
                                  "token " + std::to_string(ids[i]) + " at position " + std::to_string(i),
                                  "0 to " + std::to_string(vocab - 1),
                                  "the tokenizer and the model must belong together"});
}

/// Calls `read(first, count)` for one chunk after the other of `total` tokens, as `policy` cuts them. Throws
/// argument_error for a chunk of no tokens or of more than are left, and `cancelled` when `progress` says so.
template <prefill_policy Policy, class Read>
void for_each_chunk(index total, const Policy& policy, const prefill_progress& progress, Read&& read) {
    for (index done = 0; done < total;) {
        const index left = total - done;
        const index count = policy.next_chunk(left);
        if (count < 1 || count > left)
            throw argument_error({"session::prefill",
                                  "policy.next_chunk(" + std::to_string(left) + ")",
                                  std::to_string(count),
                                  "1 to " + std::to_string(left),
                                  {}});
        read(done, count);
        done += count;
        if (progress && !progress(done, total) && done < total)
            throw cancelled({"session::prefill",
                             {},
                             "stopped by the progress callback after " + std::to_string(done) + " of " +
                                 std::to_string(total) + " tokens",
                             {},
                             {}});
    }
}

}  // namespace ssm
