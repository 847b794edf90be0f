// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/math/rms_norm.hpp>

#include <vector>

#include "math/dual.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/random_values.hpp"

namespace rms_norm_test {

using ssm::matrix_view;
using ssm::vector_view;
using ssm::math::rms_norm;

TEST_CASE("rms_norm by hand, a row at a time") {
    std::vector<double> x{1, 7, -3, 4};  // root mean squares 5 and sqrt(12.5)
    std::vector<double> gain{10, -1};
    std::vector<double> y(4);
    rms_norm(matrix_view<double>(x.data(), 2, 2), {}, 0.0, matrix_view<double>(y.data(), 2, 2));
    CHECK(y[0] == Approx(0.2));
    CHECK(y[1] == Approx(1.4));
    CHECK(y[2] * y[2] == Approx(9 / 12.5));
    CHECK(y[2] < 0);

    rms_norm(matrix_view<double>(x.data(), 2, 2), vector_view<double>(gain.data(), 2), 0.0,
             matrix_view<double>(y.data(), 2, 2));
    CHECK(y[0] == Approx(2));
    CHECK(y[1] == Approx(-1.4));
}

TEST_CASE("eps is added to the mean square") {
    std::vector<double> x{2, 2};
    rms_norm(matrix_view<double>(x.data(), 1, 2), {}, 5.0, matrix_view<double>(x.data(), 1, 2));
    CHECK(x == std::vector<double>{2.0 / 3, 2.0 / 3});
}

TEST_CASE("A row of zeros stays zero") {
    std::vector<float> x(3);
    rms_norm(matrix_view<float>(x.data(), 1, 3), {}, 1e-5F, matrix_view<float>(x.data(), 1, 3));
    CHECK(x == std::vector<float>(3));
}

TEST_CASE("Columns of a wider matrix are normalised where they are") {
    std::vector<double> x{9, 1, 7, 9, 9, 3, 3, 9};
    const auto middle = matrix_view<double>(x.data(), 2, 4).columns(1, 2);
    rms_norm(middle, {}, 0.0, middle);
    CHECK(x == std::vector<double>{9, 0.2, 1.4, 9, 9, 1, 1, 9});
}

TEST_CASE("Views with fixed extents are accepted") {
    double x[] = {1, 7};
    double y[2];
    rms_norm(ssm::view<double, 1, 2>(x, 1, 2), {}, 0.0, ssm::view<double, 1, 2>(y, 1, 2));
    CHECK(y[0] == Approx(0.2));
}

TEST_CASE("rms_norm in float agrees with double") {
    // 100 terms of one sign, each rounding at 6e-8: 1e-6 leaves room for none of them to cancel within a sixth.
    const auto x = ssm::test::random_values(400);
    const std::vector<double> wide_x(x.begin(), x.end());
    std::vector<float> y(400);
    std::vector<double> wide_y(400);
    rms_norm(matrix_view<const float>(x.data(), 4, 100), {}, 1e-5F, matrix_view<float>(y.data(), 4, 100));
    rms_norm(matrix_view<const double>(wide_x.data(), 4, 100), {}, 1e-5, matrix_view<double>(wide_y.data(), 4, 100));
    CHECK(ssm::test::relative_error(y, wide_y) < 1e-6);
}

TEST_CASE("rms_norm carries derivatives") {
    // y0 = x0 / r, r = sqrt((x0^2 + x1^2) / 2) = 5: dy0/dx0 = 1/r - x0^2 / (2 r^3).
    std::vector<elsewhere::dual> x{{1, 1}, {7, 0}};
    rms_norm(matrix_view<elsewhere::dual>(x.data(), 1, 2), {}, 0.0, matrix_view<elsewhere::dual>(x.data(), 1, 2));
    CHECK(x[0].slope == Approx(1.0 / 5 - 1.0 / 250));
}

}  // namespace rms_norm_test
