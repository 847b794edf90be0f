// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/generate/stop_strings.hpp>

#include <string>
#include <vector>

#include "support/catch.hpp"

namespace stop_strings_test {

namespace {

struct outcome {
    std::string text;
    bool stopped;

    friend bool operator==(const outcome&, const outcome&) = default;
};

/// `text` cut before each byte whose bit is set in `cuts`; what has been given out must never have to be taken back.
outcome in_pieces(const std::vector<std::string>& strings, const std::string& text, unsigned cuts) {
    ssm::stop_strings stops(strings);
    outcome result{};
    std::string piece;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (i > 0 && ((cuts >> (i - 1)) & 1U) != 0) {
            result.text += stops.push(piece);
            piece.clear();
        }
        piece += text[i];
    }
    result.text += stops.push(piece);
    result.text += stops.finish();
    result.stopped = stops.stopped();
    return result;
}

struct row {
    std::vector<std::string> strings;
    std::string text;
    outcome expected;
};

}  // namespace

TEST_CASE("A stop string ends the text wherever the tokens are cut") {
    const row rows[] = {
        {{}, "anything", {"anything", false}},
        {{"END"}, "the END is", {"the ", true}},
        {{"END"}, "the EN", {"the EN", false}},
        {{"END"}, "ENEND", {"EN", true}},
        {{"aab"}, "aaab", {"a", true}},
        {{"abab"}, "abacabab", {"abac", true}},
        {{"x"}, "xyz", {"", true}},
        {{"abc", "b"}, "zabc", {"za", true}},   // "b" is complete first
        {{"bc", "abc"}, "zabcd", {"z", true}},  // both at once: nothing of the longer one gets out
        {{"abcd", "bx"}, "abcbx", {"abc", true}},
        {{"\n\nUser:"}, "a\n\nUse\n\nUser:", {"a\n\nUse", true}},
        {{"\xC3\xA9"}, "caf\xC3\xA9!", {"caf", true}},
        {{"\xC3\xA9"}, "caf\xC3\xA8!", {"caf\xC3\xA8!", false}},
        {{std::string("\0a", 2)}, std::string("b\0a", 3), {"b", true}},
    };
    for (const row& r : rows)
        for (unsigned cuts = 0; cuts < 1U << (r.text.size() - 1); ++cuts) {
            CAPTURE(r.strings, r.text, cuts);
            const outcome result = in_pieces(r.strings, r.text, cuts);
            REQUIRE(result == r.expected);
        }
}

TEST_CASE("Text that cannot begin a stop string is not held back") {
    ssm::stop_strings stops({"END", "stop"});
    CHECK(stops.push("abc") == "abc");
    CHECK(stops.push("dE") == "d");
    CHECK(stops.push("Nst") == "EN");
    CHECK(stops.push("x") == "stx");
    CHECK(stops.push("EN") == "");
    CHECK_FALSE(stops.stopped());
    CHECK(stops.push("D") == "");
    CHECK(stops.stopped());
    CHECK(stops.push("more") == "");
    CHECK(stops.finish() == "");
}

TEST_CASE("An empty stop string is refused") {
    CHECK_THROWS_WITH(ssm::stop_strings({"a", ""}), Catch::Contains("stop_strings: found an empty string"));
    CHECK_THROWS_AS(ssm::stop_strings({""}), ssm::argument_error);
}

}  // namespace stop_strings_test
