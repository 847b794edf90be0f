// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

#include <ssm/text/regex.hpp>

#include <string>

#include "support/catch.hpp"

namespace regex_test {

TEST_CASE("matches are found from a position on") {
    const ssm::regex pattern("\\p{L}+", "test");
    ssm::regex_search search(pattern);
    const std::string text = "1ab \u00e9\u00df";
    const auto first = search.find(text, 0);
    REQUIRE(first);
    CHECK(first->first == 1U);
    CHECK(first->last == 3U);
    const auto second = search.find(text, first->last);
    REQUIRE(second);
    CHECK(second->first == 4U);
    CHECK(second->last == 8U);
    CHECK_FALSE(search.find(text, second->last));
}

TEST_CASE("a pattern that is none is refused with its place") {
    CHECK_THROWS_AS(ssm::regex("a(b", "file: field"), ssm::config_error);
    CHECK_THROWS_WITH(ssm::regex("a(b", "file: field"), Catch::Contains("file: field") && Catch::Contains("at byte 3"));
    CHECK_THROWS_AS(ssm::regex(std::string(20'000, 'a'), "test"), ssm::config_error);
}

TEST_CASE("a search that explodes ends with an error") {
    const ssm::regex pattern("(?:a+)+(?:a+)+[bc]", "test");
    ssm::regex_search search(pattern);
    CHECK_THROWS_AS(search.find(std::string(5000, 'a'), 0), ssm::argument_error);
    CHECK(search.find("aab", 0));  // and the next one works
}

TEST_CASE("a search outlives a copy of its pattern's maker") {
    const ssm::regex copy = ssm::regex("b", "test");
    ssm::regex_search search(copy);
    CHECK(search.find("ab", 0)->first == 1U);
}

}  // namespace regex_test
