// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

#include <ssm/core/limits.hpp>

#include <cmath>

#include "support/catch.hpp"

namespace limits_test {

TEST_CASE("A number is held to its limits, and a NaN stays one") {
    constexpr ssm::limits held{0.25F, 4};
    CHECK(held.hold(0.0F) == 0.25F);
    CHECK(held.hold(0.25F) == 0.25F);
    CHECK(held.hold(1.0F) == 1.0F);
    CHECK(held.hold(1e30) == 4.0);
    CHECK(std::isnan(held.hold(NAN)));
}

TEST_CASE("Limits that nobody stated hold nothing back") {
    constexpr ssm::limits none;
    CHECK(none.hold(0.0F) == 0.0F);
    CHECK(none.hold(3e38F) == 3e38F);
    CHECK(none.hold(INFINITY) == INFINITY);
}

}  // namespace limits_test
