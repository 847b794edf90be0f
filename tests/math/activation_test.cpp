// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/math/activation.hpp>

#include <cmath>
#include <limits>

#include "math/dual.hpp"
#include "support/catch.hpp"

namespace activation_test {

using elsewhere::dual;
using ssm::math::sigmoid;
using ssm::math::silu;
using ssm::math::softplus;

TEST_CASE("Activations at points known by hand") {
    CHECK(sigmoid(0.0) == 0.5);
    CHECK(sigmoid(std::log(3.0)) == Approx(0.75).epsilon(1e-15));
    CHECK(sigmoid(-std::log(3.0)) == Approx(0.25).epsilon(1e-15));
    CHECK(silu(0.0) == 0.0);
    CHECK(silu(std::log(3.0)) == Approx(0.75 * std::log(3.0)).epsilon(1e-15));
    CHECK(softplus(0.0) == Approx(std::log(2.0)).epsilon(1e-15));
    CHECK(softplus(std::log(3.0)) == Approx(std::log(4.0)).epsilon(1e-15));
}

TEMPLATE_TEST_CASE("Activations at the ends of the number line", "", float, double) {
    constexpr TestType largest = std::numeric_limits<TestType>::max();
    constexpr TestType infinity = std::numeric_limits<TestType>::infinity();
    CHECK(sigmoid(largest) == TestType(1));
    CHECK(sigmoid(infinity) == TestType(1));
    CHECK(sigmoid(-largest) == TestType(0));
    CHECK(sigmoid(-infinity) == TestType(0));
    CHECK(silu(largest) == largest);
    CHECK(silu(-largest) == TestType(0));
    CHECK(softplus(largest) == largest);
    CHECK(softplus(-largest) == TestType(0));
    CHECK(softplus(-infinity) == TestType(0));
    CHECK(std::isnan(sigmoid(std::numeric_limits<TestType>::quiet_NaN())));
    CHECK(std::isnan(silu(std::numeric_limits<TestType>::quiet_NaN())));
    CHECK(std::isnan(softplus(std::numeric_limits<TestType>::quiet_NaN())));
}

TEST_CASE("sigmoid keeps its relative precision far below zero") {
    CHECK(sigmoid(-80.0F) == Approx(std::exp(-80.0)).epsilon(1e-6));
    CHECK(sigmoid(-700.0) == Approx(std::exp(-700.0)).epsilon(1e-15));
}

TEST_CASE("softplus is the identity above 20 and nowhere below") {
    CHECK(softplus(20.0) > 20.0);
    CHECK(softplus(20.0) - 20.0 < 2.1e-9);
    CHECK(softplus(std::nextafter(20.0, 21.0)) == std::nextafter(20.0, 21.0));
    CHECK(softplus(20.0F) == 20.0F);
}

TEST_CASE("softplus keeps its relative precision far below zero") {
    CHECK(softplus(-80.0F) == Approx(std::exp(-80.0)).epsilon(1e-6));
    CHECK(softplus(-700.0) == Approx(std::exp(-700.0)).epsilon(1e-15));
}

TEST_CASE("float agrees with double to 4 units in the last place") {
    const double bound = 4 * static_cast<double>(std::numeric_limits<float>::epsilon());
    for (float x = -80.0F; x <= 80.0F; x += 0.0625F) {
        CAPTURE(x);
        const auto wide = static_cast<double>(x);
        CHECK(static_cast<double>(sigmoid(x)) == Approx(sigmoid(wide)).epsilon(bound));
        CHECK(static_cast<double>(silu(x)) == Approx(silu(wide)).epsilon(bound));
        CHECK(static_cast<double>(softplus(x)) == Approx(softplus(wide)).epsilon(bound));
    }
}

TEST_CASE("Derivatives carried by dual numbers are those of the closed forms, at both ends as well") {
    for (const double x : {-800.0, -30.0, -1.0, 0.0, 0.5, 19.0, 21.0, 800.0}) {
        CAPTURE(x);
        const double s = sigmoid(x);
        CHECK(sigmoid(dual(x, 1)).slope == Approx(s * (1 - s)).margin(1e-15));
        CHECK(silu(dual(x, 1)).slope == Approx(s + x * s * (1 - s)).margin(1e-15));
        CHECK(softplus(dual(x, 1)).slope == Approx(s).margin(1e-8));  // 1 instead of s above the threshold
    }
}

}  // namespace activation_test
