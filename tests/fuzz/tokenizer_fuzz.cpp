// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

// Any bytes as tokenizer.json: a tokenizer or an ssm::error, and what loads encodes and decodes.
#include <ssm/text/tokenizer.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try {
        const auto words = ssm::tokenizer::from_json({reinterpret_cast<const char*>(data), size}, "tokenizer.json");
        const auto ids =
            words.encode("It's 1234 caf\u00e9s!\n  <s> \U0001f600", {.parse_special = true, .add_special = true});
        (void)words.decode(ids);
    } catch (const ssm::error&) {
    }
    return 0;
}
