// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/model_config.hpp>

#include <algorithm>
#include <cstddef>
#include <vector>

namespace ssm {

/// Which tokens are among the last `window` ones. Its memory depends on the window and the number of different tokens,
/// not on the length of the text.
class token_history {
public:
    struct entry {
        token_id id;
        index count;  ///< occurrences within the window, positive
    };

    /// A window of 0 never forgets.
    explicit token_history(index window) : window_(static_cast<std::size_t>(window)) {}

    /// Room for `tokens` different tokens without allocating.
    void reserve(std::size_t tokens) {
        entries_.reserve(tokens);
        last_.reserve(window_);
    }

    void push(token_id id) {
        if (window_ != 0) {
            if (last_.size() < window_) {
                last_.push_back(id);
            } else {
                forget(last_[oldest_]);
                last_[oldest_] = id;
                oldest_ = (oldest_ + 1) % window_;
            }
        }
        const auto at = find(id);
        if (at != entries_.end() && at->id == id)
            ++at->count;
        else
            entries_.insert(at, {id, 1});
    }

    /// The different tokens, in ascending order.
    [[nodiscard]] const std::vector<entry>& entries() const noexcept { return entries_; }

private:
    [[nodiscard]] std::vector<entry>::iterator find(token_id id) {
        return std::lower_bound(entries_.begin(), entries_.end(), id,
                                [](const entry& e, token_id value) { return e.id < value; });
    }
    void forget(token_id id) {
        const auto at = find(id);
        if (--at->count == 0) entries_.erase(at);
    }

    std::size_t window_;
    std::vector<entry> entries_;
    std::vector<token_id> last_;  // a ring once it is full
    std::size_t oldest_ = 0;
};

}  // namespace ssm
