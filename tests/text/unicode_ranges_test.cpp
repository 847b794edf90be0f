// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

#include <ssm/text/unicode_ranges.hpp>

#include <cstddef>
#include <span>

#include "support/catch.hpp"

namespace unicode_ranges_test {

TEST_CASE("ranges are ascending and apart") {
    for (const std::span<const ssm::code_range> ranges : {std::span<const ssm::code_range>(ssm::white_space_ranges),
                                                          std::span<const ssm::code_range>(ssm::punctuation_ranges),
                                                          std::span<const ssm::code_range>(ssm::numeric_ranges),
                                                          std::span<const ssm::code_range>(ssm::nfc_unsure_ranges)}) {
        for (std::size_t i = 0; i < ranges.size(); ++i) {
            CHECK(ranges[i].first <= ranges[i].last);
            if (i > 0) CHECK(ranges[i - 1].last < ranges[i].first);
        }
    }
}

TEST_CASE("a code point is looked up with both ends included") {
    constexpr ssm::code_range ranges[] = {{3, 5}, {9, 9}};
    for (const std::uint32_t code : {3U, 4U, 5U, 9U}) CHECK(ssm::is_in(ranges, code));
    for (const std::uint32_t code : {0U, 2U, 6U, 8U, 10U}) CHECK_FALSE(ssm::is_in(ranges, code));
}

TEST_CASE("the classes are those of the reference") {
    CHECK(ssm::is_in(ssm::punctuation_ranges, '$'));           // ASCII punctuation, though a currency sign
    CHECK(ssm::is_in(ssm::punctuation_ranges, 0x166d));        // punctuation in older Unicode
    CHECK_FALSE(ssm::is_in(ssm::punctuation_ranges, 0x2e52));  // punctuation in newer Unicode
    CHECK(ssm::is_in(ssm::numeric_ranges, 0xb2));              // superscript two
    CHECK(ssm::is_in(ssm::numeric_ranges, 0x2167));            // Roman numeral eight
    CHECK_FALSE(ssm::is_in(ssm::white_space_ranges, 0x180e));
    CHECK(ssm::is_in(ssm::nfc_unsure_ranges, 0x301));         // combining acute
    CHECK_FALSE(ssm::is_in(ssm::nfc_unsure_ranges, 0xfe0f));  // the selector of emoji composes with nothing
}

}  // namespace unicode_ranges_test
