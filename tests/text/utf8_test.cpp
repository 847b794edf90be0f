// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

#include <ssm/text/utf8.hpp>

#include <string>

#include "support/catch.hpp"

namespace utf8_test {

TEST_CASE("characters of one to four bytes are read whole") {
    const auto reads = [](std::string_view bytes, std::uint32_t code) {
        const ssm::utf8_unit unit = ssm::first_utf8(bytes);
        return unit.kind == ssm::utf8_kind::character && unit.code == code && unit.length == bytes.size();
    };
    CHECK(reads("a", 'a'));
    CHECK(reads(std::string_view("\0", 1), 0));
    CHECK(reads("\xc2\x80", 0x80));
    CHECK(reads("\xe2\x82\xac", 0x20ac));
    CHECK(reads("\xed\x9f\xbf", 0xd7ff));
    CHECK(reads("\xee\x80\x80", 0xe000));
    CHECK(reads("\xf0\x9f\x98\x80", 0x1f600));
    CHECK(reads("\xf4\x8f\xbf\xbf", 0x10ffff));
}

TEST_CASE("what is not UTF-8 is found where it starts") {
    CHECK_FALSE(ssm::find_broken_utf8("a\u00e9\u20ac"));
    CHECK(ssm::find_broken_utf8("ab\x80") == 2U);            // a continuation alone
    CHECK(ssm::find_broken_utf8("\xc1\x81") == 0U);          // overlong
    CHECK(ssm::find_broken_utf8("a\xe0\x9f\xbf") == 1U);     // overlong
    CHECK(ssm::find_broken_utf8("\xed\xa0\x80") == 0U);      // a surrogate
    CHECK(ssm::find_broken_utf8("\xf4\x90\x80\x80") == 0U);  // above U+10FFFF
    CHECK(ssm::find_broken_utf8("ab\xe2\x82") == 2U);        // cut off
    CHECK_THROWS_WITH(ssm::require_utf8("ab\xff", "text"), Catch::Contains("position 2"));
}

TEST_CASE("each maximal broken part becomes one replacement character") {
    CHECK(ssm::replace_broken_utf8("a\xe2\x82z") == "a\ufffdz");
    CHECK(ssm::replace_broken_utf8("\xf0\x9f\x98") == "\ufffd");
    CHECK(ssm::replace_broken_utf8("\xed\xa0\x80") == "\ufffd\ufffd\ufffd");
    CHECK(ssm::replace_broken_utf8("\xf0\x80\x80") == "\ufffd\ufffd\ufffd");
    CHECK(ssm::replace_broken_utf8("\xff\xfe\u00e9") == "\ufffd\ufffd\u00e9");
}

TEST_CASE("the beginning of a character waits for the rest") {
    std::string bytes = "a\xe2\x82";
    std::string text;
    ssm::take_characters(bytes, text);
    CHECK(text == "a");
    bytes += "\xac\xe2";
    ssm::take_characters(bytes, text);
    CHECK(text == "a\u20ac");
    CHECK(bytes == "\xe2");
}

TEST_CASE("the last character is found") {
    CHECK(ssm::last_character("a") == 0U);
    CHECK(ssm::last_character("a\U0001f600") == 1U);
}

}  // namespace utf8_test
