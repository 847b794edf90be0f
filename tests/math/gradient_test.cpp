// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

// The whole reference from its one header, with a scalar of the user's own.
#include <ssm/math.hpp>

#include <cmath>
#include <vector>

#include "math/dual.hpp"
#include "own_recurrences.hpp"
#include "support/catch.hpp"
#include "support/random_values.hpp"

namespace gradient_test {

namespace {

using elsewhere::dual;
using ssm::index;

constexpr index tokens = 7, channels = 3, states = 2, taps = 3;

template <class S>
std::vector<S> drawn(index count, float low, float high, unsigned seed) {
    const auto values = ssm::test::random_values(count, low, high, seed);
    return std::vector<S>(values.begin(), values.end());
}

/// The parameters of what lies between the projections of a Mamba layer, in any scalar.
template <class S>
struct layer {
    std::vector<S> x = drawn<S>(tokens * channels, -1, 1, 1);
    std::vector<S> weights = drawn<S>(taps * channels, -1, 1, 2);
    std::vector<S> bias = drawn<S>(channels, -1, 1, 3);
    std::vector<S> window = drawn<S>((taps - 1) * channels, -1, 1, 4);
    std::vector<S> dt = drawn<S>(tokens * channels, -3, 1, 5);
    std::vector<S> b = drawn<S>(tokens * states, -1, 1, 6);
    std::vector<S> c = drawn<S>(tokens * states, -1, 1, 7);
    std::vector<S> gain = drawn<S>(states, 0.5F, 1.5F, 8);
    std::vector<S> a = drawn<S>(states * channels, -3, -0.2F, 9);
    std::vector<S> d = drawn<S>(channels, -1, 1, 10);
    std::vector<S> h = drawn<S>(states * channels, -1, 1, 11);

    layer() {}  // g++ 12 forgets to instantiate what only members' initialisers call

    std::vector<std::vector<S>*> parameters() { return {&x, &weights, &bias, &window, &dt, &b, &c, &gain, &a, &d, &h}; }
};

template <class S>
ssm::matrix_view<S> matrix(std::vector<S>& of, index columns) {
    return ssm::matrix_view<S>(of.data(), static_cast<index>(of.size()) / columns, columns);
}
template <class S>
ssm::vector_view<S> vector(std::vector<S>& of) {
    return ssm::vector_view<S>(of.data(), static_cast<index>(of.size()));
}

/// A number that depends on every output and on everything that is left behind.
template <class S, template <class> class Recurrence>
S loss(layer<S> p) {
    std::vector<S> x(p.x.size());
    std::vector<S> y(p.x.size());
    ssm::math::causal_conv(matrix(p.x, channels), matrix(p.weights, channels), vector(p.bias),
                           matrix(p.window, channels), matrix(x, channels));
    for (S& value : x) value = ssm::math::silu(value);
    for (S& value : p.dt) value = ssm::math::softplus(value);
    ssm::math::rms_norm(matrix(p.b, states), vector(p.gain), S(1e-5), matrix(p.b, states));
    const Recurrence<S> r{ssm::selective<S>{matrix(p.a, channels), vector(p.d), matrix(p.dt, channels),
                                            matrix(x, channels), matrix(p.b, states), matrix(p.c, states)}};
    ssm::math::selective_scan(r, tokens, channels, states, matrix(p.h, channels), matrix(y, channels));
    S sum = S(0);
    for (const auto* part : {&y, &p.h, &p.window})
        for (const S& value : *part) sum = sum + value * value;
    return sum;
}

template <class S>
using selective = ssm::selective<S>;

template <class S>
using held = held_selective<S>;

/// Every derivative that dual numbers carry along, against a central difference.
template <template <class> class Recurrence>
void check_gradient() {
    // With a step of 1e-5 the difference errs by 1e-10 times the third derivative, and by 1e-11 in rounding.
    constexpr double step = 1e-5;
    const std::size_t kinds = layer<double>().parameters().size();
    for (std::size_t kind = 0; kind < kinds; ++kind)
        for (std::size_t i = 0; i < layer<double>().parameters()[kind]->size(); ++i) {
            CAPTURE(kind, i);
            layer<dual> exact;
            (*exact.parameters()[kind])[i].slope = 1;
            layer<double> above;
            layer<double> below;
            (*above.parameters()[kind])[i] += step;
            (*below.parameters()[kind])[i] -= step;
            const double difference = (loss<double, Recurrence>(above) - loss<double, Recurrence>(below)) / (2 * step);
            CHECK(loss<dual, Recurrence>(exact).slope == Approx(difference).epsilon(1e-7).margin(1e-8));
        }
}

}  // namespace

static_assert(ssm::recurrence<ssm::selective<dual>> && ssm::recurrence<ssm::s4d<dual>> && ssm::recurrence<held<dual>>);

TEST_CASE("The gradient of everything between a layer's projections, by dual numbers and by differences") {
    check_gradient<selective>();
}

TEST_CASE("The gradient of a recurrence that is the user's own as well") { check_gradient<held>(); }

TEST_CASE("A derivative by one parameter") {
    // h <- exp(dt a) h + dt x b from h = 1, one token: dh/da = dt exp(dt a).
    std::vector<dual> a{{-2, 1}}, d{0}, dt{0.5}, x{3}, b{1}, c{1}, h{1}, y(1);
    const ssm::selective<dual> r{matrix(a, 1), vector(d), matrix(dt, 1), matrix(x, 1), matrix(b, 1), matrix(c, 1)};
    ssm::math::selective_scan(r, 1, 1, 1, matrix(h, 1), matrix(y, 1));
    CHECK(y[0].value == Approx(std::exp(-1.0) + 1.5));
    CHECK(y[0].slope == Approx(0.5 * std::exp(-1.0)));
}

}  // namespace gradient_test
