// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

#include <ssm/text/normalizer.hpp>

#include "support/catch.hpp"

namespace normalizer_test {

TEST_CASE("without a normalizer every text is taken") {
    const ssm::normalizer none(nullptr, "test");
    CHECK_NOTHROW(none.require_unchanged("e\u0301", 0));
}

TEST_CASE("NFC takes what it leaves alone and refuses what it may compose") {
    const ssm::normalizer nfc(ssm::json{{"type", "NFC"}}, "test");
    for (const char* const text :
         {"plain", "\u00e9\u00fc", "\u4e16\u754c", "\ud55c\uae00", "\u2764\ufe0f\U0001f600", ""})
        CHECK_NOTHROW(nfc.require_unchanged(text, 0));
    for (const char* const text : {"e\u0301", "\u1100\u1161", "\u212b", "\u0958", "\uf900"})
        CHECK_THROWS_AS(nfc.require_unchanged(text, 0), ssm::argument_error);
    CHECK_THROWS_WITH(nfc.require_unchanged("ae\u0301", 10), Catch::Contains("position 12"));
}

TEST_CASE("another normalizer is refused by name") {
    CHECK_THROWS_WITH(ssm::normalizer(ssm::json{{"type", "Lowercase"}}, "file: normalizer"),
                      Catch::Contains("file: normalizer") && Catch::Contains("Lowercase"));
    CHECK_THROWS_AS(ssm::normalizer(ssm::json("NFC"), "test"), ssm::config_error);
}

}  // namespace normalizer_test
