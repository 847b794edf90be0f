// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/math/multiply.hpp>

#include <vector>

#include "support/catch.hpp"

namespace multiply_test {

using ssm::matrix_view;
using ssm::vector_view;

TEST_CASE("multiply by hand: an output a row of the weights") {
    std::vector<double> x{1, 2, 3, 4}, w{1, 10, 100, 1000, 2, 0}, bias{0.5, 0, -1}, y(6, 9);
    const matrix_view<double> inputs(x.data(), 2, 2), weights(w.data(), 3, 2), result(y.data(), 2, 3);
    ssm::math::multiply(inputs, weights, vector_view<double>(bias.data(), 3), result);
    CHECK(y == std::vector<double>{21.5, 2100, 1, 43.5, 4300, 5});

    SECTION("and on top of what is there, without a bias") {
        ssm::math::multiply_add(inputs, weights, {}, result);
        CHECK(y == std::vector<double>{42.5, 4200, 3, 86.5, 8600, 11});
    }
}

TEST_CASE("A product of no depth is the bias") {
    std::vector<float> bias{2, 3}, y(2);
    ssm::math::multiply(matrix_view<float>(nullptr, 1, 0), matrix_view<float>(nullptr, 2, 0),
                        vector_view<float>(bias.data(), 2), matrix_view<float>(y.data(), 1, 2));
    CHECK(y == bias);
}

}  // namespace multiply_test
