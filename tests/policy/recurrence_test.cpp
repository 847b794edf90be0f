// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/math/selective_scan.hpp>
#include <ssm/policy/recurrence.hpp>

#include <cmath>
#include <vector>

#include "support/catch.hpp"
#include "support/random_values.hpp"

namespace recurrence_test {

using ssm::affine;
using ssm::matrix_view;
using ssm::vector_view;
using ssm::zero_order_hold;

namespace {

constexpr ssm::index tokens = 4, channels = 3, states = 2;

/// Values as a matrix in double precision.
class table {
public:
    table(ssm::index rows, ssm::index columns, float low, float high, unsigned seed) : rows_(rows), columns_(columns) {
        const auto narrow = ssm::test::random_values(rows * columns, low, high, seed);
        values_.assign(narrow.begin(), narrow.end());
    }
    matrix_view<double> view() { return matrix_view<double>(values_.data(), rows_, columns_); }
    vector_view<double> row() { return vector_view<double>(values_.data(), columns_); }
    double at(ssm::index row, ssm::index column) const {
        return values_[static_cast<std::size_t>(row * columns_ + column)];
    }

private:
    ssm::index rows_;
    ssm::index columns_;
    std::vector<double> values_;
};

}  // namespace

TEST_CASE("selective is Mamba's recurrence, element by element") {
    table a(states, channels, -4, -0.1F, 1), d(1, channels, -1, 1, 2), dt(tokens, channels, 0.01F, 1, 3);
    table x(tokens, channels, -1, 1, 4), b(tokens, states, -1, 1, 5), c(tokens, states, -1, 1, 6);
    const ssm::selective<double> r{a.view(), d.row(), dt.view(), x.view(), b.view(), c.view()};
    for (ssm::index t = 0; t < tokens; ++t)
        for (ssm::index ch = 0; ch < channels; ++ch) {
            CHECK(r.skip(t, ch) == Approx(d.at(0, ch) * x.at(t, ch)));
            for (ssm::index n = 0; n < states; ++n) {
                const affine<double> step = r.transition(t, ch, n);
                CHECK(step.a == Approx(std::exp(dt.at(t, ch) * a.at(n, ch))));
                CHECK(step.b == Approx(dt.at(t, ch) * x.at(t, ch) * b.at(t, n)));
                CHECK(r.readout(t, ch, n) == c.at(t, n));
            }
        }
}

TEST_CASE("s4d is time-invariant, element by element") {
    table decay(states, channels, 0, 1, 1), gain(states, channels, -1, 1, 2), c(states, channels, -1, 1, 3);
    table d(1, channels, -1, 1, 4), x(tokens, channels, -1, 1, 5);
    const ssm::s4d<double> r{decay.view(), gain.view(), c.view(), d.row(), x.view()};
    for (ssm::index t = 0; t < tokens; ++t)
        for (ssm::index ch = 0; ch < channels; ++ch) {
            CHECK(r.skip(t, ch) == Approx(d.at(0, ch) * x.at(t, ch)));
            for (ssm::index n = 0; n < states; ++n) {
                CHECK(r.transition(t, ch, n).a == decay.at(n, ch));
                CHECK(r.transition(t, ch, n).b == Approx(gain.at(n, ch) * x.at(t, ch)));
                CHECK(r.readout(t, ch, n) == c.at(n, ch));
            }
        }
}

TEST_CASE("s4d's output is the convolution with its kernel C decay^k gain") {
    table decay(1, 1, 0.8F, 0.9F, 1), gain(1, 1, 0.5F, 1, 2), c(1, 1, 0.5F, 1, 3), d(1, 1, 0.5F, 1, 4);
    table x(20, 1, -1, 1, 5);
    double h = 0;
    std::vector<double> y(20);
    ssm::math::selective_scan(ssm::s4d<double>{decay.view(), gain.view(), c.view(), d.row(), x.view()}, 20, 1, 1,
                              matrix_view<double>(&h, 1, 1), matrix_view<double>(y.data(), 20, 1));
    for (ssm::index t = 0; t < 20; ++t) {
        double expected = d.at(0, 0) * x.at(t, 0);
        for (ssm::index k = 0; k <= t; ++k)
            expected += c.at(0, 0) * std::pow(decay.at(0, 0), static_cast<double>(k)) * gain.at(0, 0) * x.at(t - k, 0);
        CHECK(y[static_cast<std::size_t>(t)] == Approx(expected));
    }
}

TEST_CASE("zero_order_hold solves h' = a h + b over a step") {
    const auto step = zero_order_hold(-0.5, 3.0, 0.1);
    CHECK(step.a == Approx(std::exp(-0.05)));
    CHECK(step.b == Approx((1 - std::exp(-0.05)) / 0.5 * 3));
    CHECK(step(6.0) == Approx(6));  // b / -a is where h' = 0

    SECTION("two steps in a row are one step of their sum") {
        const auto two = then(zero_order_hold(-0.5, 3.0, 0.1), zero_order_hold(-0.5, 3.0, 0.7));
        const auto one = zero_order_hold(-0.5, 3.0, 0.8);
        CHECK(two.a == Approx(one.a).epsilon(1e-14));
        CHECK(two.b == Approx(one.b).epsilon(1e-14));
    }
    SECTION("a short step loses no digits") {
        CHECK(static_cast<double>(zero_order_hold(-1.0F, 1.0F, 1e-6F).b) == Approx(1e-6).epsilon(2e-6));
    }
}

}  // namespace recurrence_test
