// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

// Any bytes as text: UTF-8 comes back from its ids, whole and streamed, and anything else is refused.
#include <ssm/text/stream_decoder.hpp>
#include <ssm/text/tokenizer.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "../text/small_tokenizer.hpp"

namespace {

ssm::tokenizer make_tokenizer() {
    ssm::json file = small_tokenizer({{"t", "h"}, {"th", "e"}, {"a", "a"}, {"aa", "aa"}, {"1", "2"}});
    file["added_tokens"] = {{{"id", 261}, {"content", "<s>"}, {"special", true}},
                            {{"id", 262}, {"content", "<s>a"}, {"special", false}}};
    file["pre_tokenizer"] = {
        {"type", "Sequence"},
        {"pretokenizers",
         {{{"type", "Punctuation"}, {"behavior", "Contiguous"}},
          {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", true}},
          {{"type", "Digits"}, {"individual_digits", false}},
          {{"type", "Split"}, {"pattern", {{"Regex", "[0-9][0-9][0-9]"}}}, {"behavior", "Isolated"}}}}};
    return ssm::tokenizer::from_json(file.dump(), "tokenizer.json");
}

void require(bool holds) {
    if (!holds) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const ssm::tokenizer words = make_tokenizer();
    const std::string text(reinterpret_cast<const char*>(data), size);
    const bool is_utf8 = !ssm::find_broken_utf8(text);
    for (const bool parse_special : {false, true}) {
        try {
            const auto ids = words.encode(text, {.parse_special = parse_special});
            require(is_utf8);
            require(words.decode(ids) == text);
            ssm::stream_decoder decoder(words);
            std::string streamed;
            for (const ssm::token_id id : ids) streamed += decoder.push(id);
            require(streamed + decoder.finish() == text);
        } catch (const ssm::argument_error&) {
            require(!is_utf8);
        }
    }
    const auto mended = words.encode(text, {.replace_broken = true});
    require(words.decode(mended) == ssm::replace_broken_utf8(text));
    return 0;
}
