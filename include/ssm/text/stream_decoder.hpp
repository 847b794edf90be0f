// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/model_config.hpp>
#include <ssm/text/tokenizer.hpp>
#include <ssm/text/utf8.hpp>

#include <string>
#include <utility>

namespace ssm {

/// Turns ids, one after the other, into text of whole characters: all pieces together are what `tokenizer::decode` makes
/// of all ids together.
class stream_decoder {
public:
    explicit stream_decoder(tokenizer words, bool skip_special = false)
        : words_(std::move(words)), skip_special_(skip_special) {}

    /// The characters that are complete with `id`; U+FFFD for bytes that no further id can complete.
    /// Throws argument_error for an id outside the vocabulary.
    [[nodiscard]] std::string push(token_id id) {
        std::string text;
        if (skip_special_ && words_.is_special(id)) return text;
        left_ += words_.bytes_of(id);
        take_characters(left_, text);
        return text;
    }

    /// U+FFFD for an unfinished character at the end; afterwards a new text may begin.
    [[nodiscard]] std::string finish() {
        if (left_.empty()) return {};
        left_.clear();
        return std::string(utf8_replacement);
    }

private:
    tokenizer words_;
    std::string left_;  // the beginning of a character
    bool skip_special_;
};

}  // namespace ssm
