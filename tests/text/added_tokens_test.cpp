// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

#include <ssm/text/added_tokens.hpp>

#include <string>
#include <string_view>
#include <vector>

#include "support/catch.hpp"

namespace added_tokens_test {

namespace {

using strings = std::vector<std::string>;

/// Text as it is, tokens as "#id".
strings cut(const std::vector<ssm::added_token>& tokens, const std::string& text, bool parse_special = false) {
    strings result;
    ssm::added_tokens(tokens).cut(
        text, parse_special, [](std::string_view) {}, [&](std::string_view part) { result.emplace_back(part); },
        [&](ssm::token_id id) { result.push_back("#" + std::to_string(id)); });
    return result;
}

ssm::added_token token(ssm::token_id id, const char* content) {
    ssm::added_token result;
    result.id = id;
    result.content = content;
    return result;
}

}  // namespace

TEST_CASE("the longest of the leftmost is found") {
    const std::vector tokens{token(1, "<a>"), token(2, "<a><b>"), token(3, "b>c"), token(4, "<a><b><")};
    CHECK(cut(tokens, "x<a>y") == strings{"x", "#1", "y"});
    CHECK(cut(tokens, "<a><b>c") == strings{"#2", "c"});
    CHECK(cut(tokens, "<a><bb>c") == strings{"#1", "<b", "#3"});
    CHECK(cut(tokens, "<a<a>") == strings{"<a", "#1"});
    CHECK(cut(tokens, "none") == strings{"none"});
    CHECK(cut(tokens, "").empty());
    CHECK(cut({}, "x") == strings{"x"});
}

TEST_CASE("special tokens are text unless asked for") {
    auto special = token(1, "<s>");
    special.special = true;
    CHECK(cut({special}, "a<s>b") == strings{"a<s>b"});
    CHECK(cut({special}, "a<s>b", true) == strings{"a", "#1", "b"});
}

TEST_CASE("a single word is touched by no letter, digit or mark") {
    auto word = token(1, "the");
    word.single_word = true;
    CHECK(cut({word}, "the") == strings{"#1"});
    CHECK(cut({word}, "-the!") == strings{"-", "#1", "!"});
    for (const char* const text : {"them", "bathe", "\u00e9the", "the\u0301", "the_", "7the"})
        CHECK(cut({word}, text) == strings{text});
}

TEST_CASE("white space around a token goes with it when asked to") {
    auto left = token(1, "L");
    left.lstrip = true;
    auto right = token(2, "R");
    right.rstrip = true;
    CHECK(cut({left, right}, "a \u3000\nL b") == strings{"a", "#1", " b"});
    CHECK(cut({left, right}, "a R\t\u00a0b") == strings{"a ", "#2", "b"});
    CHECK(cut({left, right}, "R  L") == strings{"#2", "#1"});
}

TEST_CASE("tokens of normalized text come second") {
    auto first = token(1, "bc");
    auto second = token(2, "abc");
    second.normalized = true;
    CHECK(cut({first, second}, "abc") == strings{"a", "#1"});
    CHECK(cut({second}, "abc") == strings{"#2"});
}

TEST_CASE("fields are read and checked") {
    const ssm::json list = {{{"id", 7}, {"content", "<s>"}, {"special", true}, {"lstrip", true}}};
    const auto tokens = ssm::read_added_tokens(list, "test");
    REQUIRE(tokens.size() == 1);
    CHECK(tokens[0].id == 7);
    CHECK(tokens[0].special);
    CHECK(tokens[0].lstrip);
    CHECK_FALSE(tokens[0].rstrip);
    CHECK(ssm::read_added_tokens(nullptr, "test").empty());
    CHECK_THROWS_WITH(ssm::read_added_tokens({{{"id", 7}}}, "f"),
                      Catch::Contains("f[0]") && Catch::Contains("content"));
    CHECK_THROWS_AS(ssm::read_added_tokens({{{"id", -1}, {"content", "a"}}}, "f"), ssm::config_error);
    CHECK_THROWS_AS(ssm::read_added_tokens({{{"id", 1}, {"content", ""}}}, "f"), ssm::config_error);
    CHECK_THROWS_AS(ssm::read_added_tokens("x", "f"), ssm::config_error);
}

}  // namespace added_tokens_test
