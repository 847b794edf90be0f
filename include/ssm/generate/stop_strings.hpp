// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/error.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ssm {

/// Ends a stream of text before the first of some strings, however the stream is cut into pieces. Text that may be the
/// beginning of one is held back until that is decided.
class stop_strings {
public:
    /// Throws argument_error for an empty string.
    explicit stop_strings(std::vector<std::string> strings = {}) : strings_(std::move(strings)) {
        for (const std::string& s : strings_)
            if (s.empty())
                throw argument_error({"stop_strings",
                                      {},
                                      "an empty string",
                                      "at least one byte",
                                      "an empty stop string would stop before the first token"});
    }

    /// Takes the next piece and returns the text that is now certain to lie before any stop string.
    [[nodiscard]] std::string push(std::string_view piece) {
        if (stopped_) return {};
        held_ += piece;
        std::size_t safe = first_stop();
        stopped_ = safe != std::string::npos;
        if (!stopped_) safe = held_.size() - longest_beginning();
        std::string text = held_.substr(0, safe);
        held_.erase(0, stopped_ ? std::string::npos : safe);
        return text;
    }

    /// The text still held back, at the end of the stream.
    [[nodiscard]] std::string finish() { return std::exchange(held_, {}); }

    /// Whether a stop string was met.
    [[nodiscard]] bool stopped() const noexcept { return stopped_; }

private:
    /// Where the stop string begins that is complete first (and of those the longest), or npos.
    [[nodiscard]] std::size_t first_stop() const {
        std::size_t begin = std::string::npos;
        std::size_t end = std::string::npos;
        for (const std::string& s : strings_) {
            const std::size_t at = held_.find(s);
            if (at == std::string::npos) continue;
            if (at + s.size() < end || (at + s.size() == end && at < begin)) {
                begin = at;
                end = at + s.size();
            }
        }
        return begin;
    }

    /// Length of the longest end of held_ that some stop string begins with.
    [[nodiscard]] std::size_t longest_beginning() const {
        std::size_t longest = 0;
        for (const std::string& s : strings_)
            for (std::size_t n = std::min(s.size() - 1, held_.size()); n > longest; --n)
                if (held_.ends_with(std::string_view(s).substr(0, n))) longest = n;
        return longest;
    }

    std::vector<std::string> strings_;
    std::string held_;
    bool stopped_ = false;
};

}  // namespace ssm
