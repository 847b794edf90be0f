// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/math/selective_scan.hpp>
#include <ssm/math/state_space_dual.hpp>
#include <ssm/policy/recurrence.hpp>

#include <cmath>
#include <vector>

#include "math/dual.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/random_values.hpp"

namespace state_space_dual_test {

namespace {

using ssm::index;
using ssm::matrix_view;
using ssm::vector_view;

constexpr index tokens = 40, heads = 6, groups = 3, channels = 12, states = 5;

template <class S>
std::vector<S> numbers(index count, float low, float high, unsigned seed) {
    const auto values = ssm::test::random_values(count, low, high, seed);
    return {values.begin(), values.end()};
}

/// A layer's numbers.
template <class S = double>
struct problem {
    std::vector<S> a = numbers<S>(heads, -4, -0.1F, 1);
    std::vector<S> d = numbers<S>(heads, -1, 1, 2);
    std::vector<S> dt = numbers<S>(tokens * heads, 0, 1, 3);
    std::vector<S> x = numbers<S>(tokens * channels, -1, 1, 4);
    std::vector<S> b = numbers<S>(tokens * groups * states, -1, 1, 5);
    std::vector<S> c = numbers<S>(tokens * groups * states, -1, 1, 6);
    std::vector<S> h = numbers<S>(states * channels, -1, 1, 7);
    std::vector<S> y = std::vector<S>(tokens * channels);

    /// `scan(recurrence, count, h, y)` over tokens [first, first + count).
    template <class Scan>
    void run(index first, index count, const Scan& scan) {
        const auto rows = [&](std::vector<S>& of, index columns) {
            return matrix_view<S>(of.data(), tokens, columns).rows(first, count);
        };
        const ssm::multihead_selective<S> r{
            vector_view<S>(a.data(), heads), vector_view<S>(d.data(), heads), rows(dt, heads), rows(x, channels),
            rows(b, groups * states),        rows(c, groups * states),        groups};
        scan(r, count, matrix_view<S>(h.data(), states, channels), rows(y, channels));
    }
    void run_in_order() {
        run(0, tokens, [](const auto& r, index count, auto state, auto out) {
            ssm::math::selective_scan(r, count, channels, states, state, out);
        });
    }
};

}  // namespace

TEST_CASE("The recurrence of Mamba-2 is its equations") {
    problem<> p;
    p.run_in_order();
    problem<> q;
    for (index t = 0; t < tokens; ++t)
        for (index ch = 0; ch < channels; ++ch) {
            const index head = ch / 2, group = ch / 4;
            const double dt = q.dt[static_cast<std::size_t>(t * heads + head)];
            const double x = q.x[static_cast<std::size_t>(t * channels + ch)];
            double y = q.d[static_cast<std::size_t>(head)] * x;
            for (index n = 0; n < states; ++n) {
                const auto at = static_cast<std::size_t>((t * groups + group) * states + n);
                double& h = q.h[static_cast<std::size_t>(n * channels + ch)];
                h = std::exp(dt * q.a[static_cast<std::size_t>(head)]) * h + dt * x * q.b[at];
                y += q.c[at] * h;
            }
            q.y[static_cast<std::size_t>(t * channels + ch)] = y;
        }
    CHECK(ssm::test::relative_error(p.y, q.y) < 1e-14);
    CHECK(ssm::test::relative_error(p.h, q.h) < 1e-14);
}

TEST_CASE("The dual form is the scan, for chunks of any length and from any state") {
    problem<> expected;
    expected.run_in_order();
    for (const index length : {1, 2, 7, 20, 40, 64})
        for (const index cut : {0, 1, 13, 39}) {
            CAPTURE(length, cut);
            problem<> p;
            const auto dual = [&](const auto& r, index count, auto state, auto out) {
                ssm::math::state_space_dual(r, length, count, channels, states, state, out);
            };
            if (cut > 0) p.run(0, cut, dual);
            p.run(cut, tokens - cut, dual);
            CHECK(ssm::test::relative_error(p.y, expected.y) < 1e-14);
            CHECK(ssm::test::relative_error(p.h, expected.h) < 1e-14);
        }
}

TEST_CASE("Both forms have the same gradient") {
    problem<elsewhere::dual> in_order, in_chunks;
    for (auto* p : {&in_order, &in_chunks}) p->dt[0].slope = p->a[1].slope = p->b[2].slope = p->h[3].slope = 1;
    in_order.run_in_order();
    in_chunks.run(0, tokens, [](const auto& r, index count, auto state, auto out) {
        ssm::math::state_space_dual(r, 7, count, channels, states, state, out);
    });
    const auto slopes = [](const auto& of) {
        std::vector<double> all;
        for (const elsewhere::dual& value : of) all.push_back(value.slope);
        return all;
    };
    CHECK(ssm::test::relative_error(slopes(in_chunks.y), slopes(in_order.y)) < 1e-14);
    CHECK(ssm::test::relative_error(slopes(in_chunks.h), slopes(in_order.h)) < 1e-14);
}

}  // namespace state_space_dual_test
