// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include "../tools/likelihood.hpp"

#include <cmath>
#include <vector>

#include "support/catch.hpp"

namespace likelihood_test {

using namespace ssm::tools;

TEST_CASE("Surprise and divergence are those of the probabilities") {
    const std::vector<float> even{1, 1, 1, 1}, thirds{std::log(2.0F), 0, -1000, -1000};
    CHECK(surprise(even, 2) == Approx(std::log(4.0)));
    CHECK(surprise(thirds, 0) == Approx(std::log(1.5)));
    CHECK(surprise(std::vector<float>{1e30F, 0}, 0) == 0);
    CHECK(divergence(even, even) == 0);
    CHECK(divergence(thirds, even) == Approx(2.0 / 3 * std::log(8.0 / 3) + 1.0 / 3 * std::log(4.0 / 3)));
    CHECK(likeliest(thirds) == 0);
    CHECK(likeliest(std::vector<float>{0, 3, 3}) == 1);
}

TEST_CASE("A running mean knows its own error") {
    running_mean mean;
    CHECK(mean.error() == 0);
    for (const double value : {1.0, 2.0, 3.0, 6.0}) mean.add(value);
    CHECK(mean.count() == 4);
    CHECK(mean.mean() == Approx(3));
    CHECK(mean.error() == Approx(std::sqrt(14.0 / 3 / 4)));
}

}  // namespace likelihood_test
