// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <ssm/io/json.hpp>
#include <ssm/text/byte_level.hpp>

#include <cstddef>
#include <initializer_list>
#include <string>
#include <utility>

/// A tokenizer.json with ids 0 to 255 for the bytes, then one for each merge; ByteLevel without a word pattern.
inline ssm::json small_tokenizer(std::initializer_list<std::pair<const char*, const char*>> merges = {}) {
    ssm::json vocab = ssm::json::object();
    for (std::size_t byte = 0; byte < 256; ++byte) {
        std::string symbol;
        ssm::append_byte_level(symbol, std::string(1, static_cast<char>(byte)));
        vocab[symbol] = byte;
    }
    ssm::json list = ssm::json::array();
    for (const auto& [left, right] : merges) {
        list.push_back(ssm::json::array({left, right}));
        vocab[std::string(left) + right] = vocab.size();
    }
    return {{"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}}},
            {"decoder", {{"type", "ByteLevel"}}},
            {"model", {{"type", "BPE"}, {"vocab", vocab}, {"merges", list}}}};
}
