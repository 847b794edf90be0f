// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

#include <ssm/text/oniguruma_pattern.hpp>
#include <ssm/text/regex.hpp>

#include <string>

#include "support/catch.hpp"

namespace oniguruma_pattern_test {

namespace {

bool matches(const char* pattern, const std::string& text) {
    const ssm::regex compiled(ssm::oniguruma_pattern::to_pcre2(pattern, "test"), "test");
    return ssm::regex_search(compiled).find(text, 0).has_value();
}

}  // namespace

TEST_CASE("white space is the Unicode property") {
    for (const char* const pattern : {"^\\s$", "^[\\s]$"}) {
        for (const char* const space : {" ", "\t", "\r", "\u0085", "\u00a0", "\u2028", "\u3000"})
            CHECK(matches(pattern, space));
        for (const char* const other : {"a", "\u180e", "\u200b"}) CHECK_FALSE(matches(pattern, other));
    }
    for (const char* const pattern : {"^\\S$", "^[\\S]$"}) {
        CHECK(matches(pattern, "\u180e"));
        CHECK_FALSE(matches(pattern, "\u0085"));
    }
    CHECK_FALSE(matches("[^\\S]", "\u180e"));
}

TEST_CASE("word characters include marks and connectors") {
    for (const char* const character : {"a", "7", "_", "\u0301", "\u203f", "\u24d0"}) {
        CHECK(matches("\\w", character));
        CHECK(matches("[\\w]", character));
        CHECK_FALSE(matches("\\W", character));
    }
    for (const char* const other : {"-", " ", "\u00bd"}) CHECK_FALSE(matches("\\w", other));
}

TEST_CASE("what both read alike is left alone") {
    for (const std::string pattern :
         {"[0-9][0-9][0-9]", "\\p{N}{1,3}", "(?i:'s|'t)", " ?[^\\r\\n\\p{L}]++(?!a)", "\\p{L}+\\.\\[", "(?<=a)b"})
        CHECK(ssm::oniguruma_pattern::to_pcre2(pattern, "test") == pattern);
}

TEST_CASE("what they read differently is refused") {
    for (const char* const pattern : {"[a[b]]", "[a&&b]", "[[:alpha:]]", "[]a]", "a{1,2}+", "a{2}?", "a{,2}", "(?m:a)",
                                      "(?x)a", "(*FAIL)", "\\bx", "\\h", "(a)\\1", "\\K", "[\\W]", "\\p{L", "a\\"})
        CHECK_THROWS_AS(ssm::oniguruma_pattern::to_pcre2(pattern, "test"), ssm::config_error);
}

}  // namespace oniguruma_pattern_test
