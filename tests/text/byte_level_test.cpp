// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

#include <ssm/text/byte_level.hpp>

#include <string>

#include "support/catch.hpp"

namespace byte_level_test {

TEST_CASE("bytes and their characters are mapped one to one") {
    std::string all;
    for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
    std::string text;
    ssm::append_byte_level(text, all);
    CHECK_FALSE(ssm::find_broken_utf8(text));
    CHECK(ssm::bytes_of_byte_level(text) == all);
}

TEST_CASE("the map is the one of GPT-2") {
    std::string text;
    ssm::append_byte_level(text, std::string("a \n\0\x7f\xa0\xad\xe9", 8));
    CHECK(text == "a\u0120\u010a\u0100\u0121\u0142\u0143\u00e9");
}

TEST_CASE("a character that stands for no byte is told") {
    CHECK_FALSE(ssm::bytes_of_byte_level("a b"));
    CHECK_FALSE(ssm::bytes_of_byte_level("\u0144"));
    CHECK_FALSE(ssm::bytes_of_byte_level("\u20ac"));
    CHECK(ssm::bytes_of_byte_level("") == std::string());
}

}  // namespace byte_level_test
