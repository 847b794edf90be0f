// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

#include <ssm/text/pre_tokenizer.hpp>

#include <string>
#include <vector>

#include "support/catch.hpp"

namespace pre_tokenizer_test {

namespace {

using strings = std::vector<std::string>;
using ssm::json;

const json bytes = {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}};
const json words = {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", true}};

json sequence(const std::vector<json>& steps) { return {{"type", "Sequence"}, {"pretokenizers", steps}}; }

json split(const json& pattern, const char* behavior, bool invert = false) {
    return {{"type", "Split"}, {"pattern", pattern}, {"behavior", behavior}, {"invert", invert}};
}

/// The pieces as the next steps would see them, byte-level characters.
strings pieces(const json& description, const std::string& text) {
    const ssm::pre_tokenizer plan(description, "test");
    strings result;
    ssm::pre_tokenizing run(plan);
    run(text, [&](std::string_view piece) { result.emplace_back(piece); });
    return result;
}

}  // namespace

TEST_CASE("GPT-2's words keep the space before them") {
    CHECK(pieces(words, "it's  3 cats!\n") == strings{"it", "'s", "\u0120", "\u01203", "\u0120cats", "!", "\u010a"});
    CHECK(pieces(words, "a\u180eb") == strings{"a", "\u00e1\u0142\u0130", "b"});  // U+180E is no white space
    CHECK(pieces(words, "").empty());
}

TEST_CASE("a prefix space is added where there is none") {
    const json prefixed = {{"type", "ByteLevel"}, {"add_prefix_space", true}, {"use_regex", false}};
    CHECK(pieces(prefixed, "a") == strings{"\u0120a"});
    CHECK(pieces(prefixed, " a") == strings{"\u0120a"});
    CHECK(pieces(prefixed, "\na") == strings{"\u0120\u010aa"});
    CHECK(pieces(prefixed, "").empty());
}

TEST_CASE("a behaviour says what becomes of matches") {
    const auto cut = [](const char* behavior, bool invert) {
        return pieces(sequence({split({{"String", "-"}}, behavior, invert), bytes}), "-a--bc-");
    };
    CHECK(cut("Removed", false) == strings{"a", "bc"});
    CHECK(cut("Isolated", false) == strings{"-", "a", "-", "-", "bc", "-"});
    CHECK(cut("Contiguous", false) == strings{"-", "a", "--", "bc", "-"});
    CHECK(cut("MergedWithPrevious", false) == strings{"-", "a-", "-", "bc-"});
    CHECK(cut("MergedWithNext", false) == strings{"-a", "-", "-bc", "-"});
    CHECK(cut("Removed", true) == strings{"-", "-", "-", "-"});
    CHECK(cut("MergedWithPrevious", true) == strings{"-a", "-", "-bc", "-"});
}

TEST_CASE("Falcon's steps after the byte level cut mapped characters") {
    const json falcon = sequence({{{"type", "Punctuation"}, {"behavior", "Contiguous"}},
                                  words,
                                  {{"type", "Digits"}, {"individual_digits", false}},
                                  split({{"Regex", "[0-9][0-9][0-9]"}}, "Isolated")});
    CHECK(pieces(falcon, "12345!?") == strings{"123", "45", "!?"});
    // The second byte of U+00F2 is mapped to a superscript two, which is a digit.
    CHECK(pieces(falcon, "\u00f2") == strings{"\u00c3", "\u00b2"});
}

TEST_CASE("digits stand alone when asked to") {
    const auto digits = [](bool individual) {
        return pieces(sequence({{{"type", "Digits"}, {"individual_digits", individual}}, bytes}), "a12b");
    };
    CHECK(digits(true) == strings{"a", "1", "2", "b"});
    CHECK(digits(false) == strings{"a", "12", "b"});
}

TEST_CASE("empty matches separate and do not loop") {
    CHECK(pieces(sequence({split({{"Regex", "x*"}}, "Isolated"), bytes}), "abxxc") == strings{"a", "b", "xx", "c"});
}

TEST_CASE("a step that is unknown or incomplete is refused by place") {
    const auto refuses = [](const json& description) {
        CHECK_THROWS_AS(ssm::pre_tokenizer(description, "test"), ssm::config_error);
    };
    refuses(nullptr);
    refuses(sequence({}));
    refuses(sequence({bytes, bytes}));
    refuses(sequence({split({{"String", ""}}, "Isolated"), bytes}));
    refuses(sequence({split({{"Regex", "("}}, "Isolated"), bytes}));
    refuses(sequence({split({{"String", "a"}}, "Sideways"), bytes}));
    refuses(sequence({split("a", "Isolated"), bytes}));
    CHECK_THROWS_WITH(ssm::pre_tokenizer(sequence({bytes, {{"type", "Metaspace"}}}), "f: pre_tokenizer"),
                      Catch::Contains("f: pre_tokenizer[1]") && Catch::Contains("Metaspace"));
}

}  // namespace pre_tokenizer_test
