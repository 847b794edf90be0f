// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/math/activation.hpp>
#include <ssm/math/selective_scan.hpp>
#include <ssm/policy/recurrence.hpp>

#include <cmath>
#include <vector>

#include "math/dual.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/random_values.hpp"

namespace selective_scan_test {

using elsewhere::dual;
using ssm::affine;
using ssm::matrix_view;
using ssm::vector_view;
using ssm::math::selective_scan;

namespace {

constexpr ssm::index tokens = 40, channels = 3, states = 5;

template <class S>
std::vector<S> widened(const std::vector<float>& values) {
    return std::vector<S>(values.begin(), values.end());
}

/// A layer's numbers before and after the scan; the same on every run.
template <class S>
struct problem {
    std::vector<S> a = widened<S>(ssm::test::random_values(states * channels, -4, -0.1F, 1));
    std::vector<S> d = widened<S>(ssm::test::random_values(channels, -1, 1, 2));
    std::vector<S> raw_dt = widened<S>(ssm::test::random_values(tokens * channels, -4, 0, 3));
    std::vector<S> x = widened<S>(ssm::test::random_values(tokens * channels, -1, 1, 4));
    std::vector<S> b = widened<S>(ssm::test::random_values(tokens * states, -1, 1, 5));
    std::vector<S> c = widened<S>(ssm::test::random_values(tokens * states, -1, 1, 6));
    std::vector<S> h = widened<S>(ssm::test::random_values(states * channels, -1, 1, 7));
    std::vector<S> dt, y = std::vector<S>(tokens * channels);

    /// The parameters that a derivative may be taken by.
    std::vector<std::vector<S>*> parameters() { return {&a, &d, &raw_dt, &x, &b, &c, &h}; }

    /// Tokens [first, first + count), from the state that is there.
    void run(ssm::index first, ssm::index count) {
        dt.clear();
        for (const S& raw : raw_dt) dt.push_back(ssm::math::softplus(raw));
        const auto slice = [&](std::vector<S>& of, ssm::index columns) {
            return matrix_view<S>(of.data(), tokens, columns).rows(first, count);
        };
        const ssm::selective<S> r{matrix_view<S>(a.data(), states, channels),
                                  vector_view<S>(d.data(), channels),
                                  slice(dt, channels),
                                  slice(x, channels),
                                  slice(b, states),
                                  slice(c, states)};
        selective_scan(r, count, channels, states, matrix_view<S>(h.data(), states, channels), slice(y, channels));
    }

    /// A number that depends on every output and on the state left behind.
    S loss() {
        run(0, tokens);
        S sum = S(0);
        for (const S& value : y) sum = sum + ssm::math::silu(value);
        for (const S& value : h) sum = sum + value * value;
        return sum;
    }
};

/// Integers modulo 2^32: a recurrence without rounding, in whose scan every grouping must agree exactly.
struct wrapping {
    using scalar = std::uint32_t;
    const std::uint32_t* noise;

    std::uint32_t at(ssm::index t, ssm::index ch, ssm::index n) const {
        return noise[(t * channels + ch) * states + n];
    }
    affine<scalar> transition(ssm::index t, ssm::index ch, ssm::index n) const {
        return {at(t, ch, n), at(t, ch, n) ^ 12345U};
    }
    scalar readout(ssm::index t, ssm::index ch, ssm::index n) const { return at(t, ch, n) >> 7; }
    scalar skip(ssm::index t, ssm::index ch) const { return at(t, ch, 0) << 3; }
};

/// The scan of `wrapping` in chunks: each is summarised as one map per state, the summaries are applied in order, and
/// each chunk is replayed from the state it starts with.
std::vector<std::uint32_t> chunked_scan(const std::uint32_t* noise, ssm::index length, std::vector<std::uint32_t>& h) {
    std::vector<std::uint32_t> y(tokens * channels);
    for (ssm::index first = 0; first < tokens; first += length) {
        const ssm::index count = std::min(length, tokens - first);
        const wrapping chunk{noise + first * channels * states};
        auto replayed = h;
        selective_scan(chunk, count, channels, states, matrix_view<std::uint32_t>(replayed.data(), states, channels),
                       matrix_view<std::uint32_t>(y.data(), tokens, channels).rows(first, count));
        const matrix_view<std::uint32_t> start(h.data(), states, channels);
        for (ssm::index ch = 0; ch < channels; ++ch)
            for (ssm::index n = 0; n < states; ++n) {
                auto summary = affine<std::uint32_t>::identity();
                for (ssm::index t = 0; t < count; ++t) summary = then(summary, chunk.transition(t, ch, n));
                start(n, ch) = summary(start(n, ch));
            }
    }
    return y;
}

}  // namespace

TEST_CASE("selective_scan by hand") {
    // One channel, two states that decay by 1/2 and not at all.
    std::vector<double> a{-std::log(2.0), 0}, d{0.5}, dt{1, 1}, x{4, 2}, b{1, 2, 3, -1}, c{1, 1, 2, 1};
    std::vector<double> h{8, 1}, y(2);
    const ssm::selective<double> r{matrix_view<double>(a.data(), 2, 1),  vector_view<double>(d.data(), 1),
                                   matrix_view<double>(dt.data(), 2, 1), matrix_view<double>(x.data(), 2, 1),
                                   matrix_view<double>(b.data(), 2, 2),  matrix_view<double>(c.data(), 2, 2)};
    selective_scan(r, 2, 1, 2, matrix_view<double>(h.data(), 2, 1), matrix_view<double>(y.data(), 2, 1));
    CHECK(y[0] == Approx(19));  // h = (4 + 4, 1 + 8) = (8, 9)
    CHECK(y[1] == Approx(28));  // h = (4 + 6, 9 - 2) = (10, 7)
    CHECK(h[0] == Approx(10));
    CHECK(h[1] == Approx(7));
}

TEST_CASE("A scan of no tokens leaves the state alone") {
    problem<double> p;
    const auto before = p.h;
    p.run(0, 0);
    CHECK(p.h == before);
}

TEST_CASE("A sequence cut anywhere gives the same bits") {
    problem<float> whole;
    whole.run(0, tokens);
    for (ssm::index cut = 0; cut <= tokens; ++cut) {
        CAPTURE(cut);
        problem<float> pieces;
        pieces.run(0, cut);
        pieces.run(cut, tokens - cut);
        CHECK(pieces.y == whole.y);
        CHECK(pieces.h == whole.h);
    }
}

TEST_CASE("A scan in float agrees with double") {
    // Decays below 1 damp what earlier tokens rounded off; about 10 terms of 6e-8 are left.
    problem<float> narrow;
    problem<double> wide;
    narrow.run(0, tokens);
    wide.run(0, tokens);
    CHECK(ssm::test::relative_error(narrow.y, wide.y) < 1e-6);
    CHECK(ssm::test::relative_error(narrow.h, wide.h) < 1e-6);
}

TEST_CASE("A scan in chunks, composed by their affine summaries, is the scan in order") {
    std::mt19937 generator(11);
    std::vector<std::uint32_t> noise(tokens * channels * states), start(states * channels);
    for (auto& value : noise) value = static_cast<std::uint32_t>(generator());
    for (auto& value : start) value = static_cast<std::uint32_t>(generator());

    auto h = start;
    std::vector<std::uint32_t> y(tokens * channels);
    selective_scan(wrapping{noise.data()}, tokens, channels, states,
                   matrix_view<std::uint32_t>(h.data(), states, channels),
                   matrix_view<std::uint32_t>(y.data(), tokens, channels));
    for (const ssm::index length : {1, 7, 20, 39, 40, 64}) {
        CAPTURE(length);
        auto chunked_h = start;
        CHECK(chunked_scan(noise.data(), length, chunked_h) == y);
        CHECK(chunked_h == h);
    }
}

TEST_CASE("Dual numbers give the gradient that finite differences approximate") {
    // A central difference of step 1e-5 errs by about 1e-10 in value and 1e-11 by rounding, per unit of the loss.
    constexpr double step = 1e-5;
    const std::size_t kinds = problem<double>().parameters().size();
    for (std::size_t kind = 0; kind < kinds; ++kind) {
        const std::size_t count = problem<double>().parameters()[kind]->size();
        for (std::size_t i = 0; i < count; i += 4) {
            CAPTURE(kind, i);
            problem<dual> exact;
            (*exact.parameters()[kind])[i].slope = 1;
            problem<double> above, below;
            (*above.parameters()[kind])[i] += step;
            (*below.parameters()[kind])[i] -= step;
            const double difference = (above.loss() - below.loss()) / (2 * step);
            CHECK(exact.loss().slope == Approx(difference).epsilon(1e-7).margin(1e-8));
        }
    }
}

}  // namespace selective_scan_test
