// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/backend/cpu/cpu.hpp>
#include <ssm/math.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "own_recurrences.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/random_values.hpp"
#include "support/refusal.hpp"

namespace scan_test {

namespace {

using ssm::test::random_values;

constexpr ssm::index tokens = 100, states = 32;  // enough work for three threads

/// S4D of random numbers; `from(t)` is its recurrence over the tokens from t on.
struct random_s4d {
    explicit random_s4d(ssm::index channels)
        : channels_(channels),
          decay_(random_values(states * channels, 0, 1, 1)),
          gain_(random_values(states * channels, -1, 1, 2)),
          c_(random_values(states * channels, -1, 1, 3)),
          d_(random_values(channels, -1, 1, 4)),
          x_(random_values(tokens * channels, -1, 1, 5)) {}

    ssm::s4d<float> from(ssm::index t) const {
        const auto per_state = [&](const std::vector<float>& values) {
            return ssm::matrix_view<const float>(values.data(), states, channels_);
        };
        return {per_state(decay_), per_state(gain_), per_state(c_), ssm::vector_view<const float>(d_.data(), channels_),
                ssm::matrix_view<const float>(x_.data(), tokens, channels_).rows(t, tokens - t)};
    }

    ssm::index channels_;
    std::vector<float> decay_, gain_, c_, d_, x_;
};

struct outcome {
    std::vector<float> h;
    std::vector<float> y;
    friend bool operator==(const outcome&, const outcome&) = default;
};

outcome scanned(const ssm::cpu& device, const random_s4d& recurrence, ssm::index length) {
    const ssm::index channels = recurrence.channels_;
    outcome result{random_values(states * channels, -1, 1, 6),
                   std::vector<float>(static_cast<std::size_t>(tokens * channels))};
    for (ssm::index t = 0; t < tokens; t += length)
        device.scan(ssm::sequential{}, recurrence.from(t), ssm::matrix_view<float>(result.h.data(), states, channels),
                    1,
                    ssm::matrix_view<float>(result.y.data(), tokens, channels).rows(t, std::min(length, tokens - t)));
    return result;
}

}  // namespace

TEST_CASE("A recurrence without a tuned form leaves the same bits however time is cut and threads share it") {
    const ssm::cpu one{{.threads = 1}}, two{{.threads = 2}}, three{{.threads = 3}};
    for (const ssm::index channels : {1, 5, 16, 21, 64, 77}) {
        const random_s4d recurrence(channels);
        const outcome whole = scanned(one, recurrence, tokens);
        for (const ssm::cpu* device : {&one, &two, &three})
            for (const ssm::index length : {1, 3, 7, 50, 100}) {
                CAPTURE(channels, device->threads(), length);
                CHECK(scanned(*device, recurrence, length) == whole);
            }
    }
}

namespace {

/// S4D of the same random numbers in double.
struct exact_s4d {
    explicit exact_s4d(const random_s4d& of)
        : channels(of.channels_),
          decay(of.decay_.begin(), of.decay_.end()),
          gain(of.gain_.begin(), of.gain_.end()),
          c(of.c_.begin(), of.c_.end()),
          d(of.d_.begin(), of.d_.end()),
          x(of.x_.begin(), of.x_.end()) {}

    ssm::s4d<double> recurrence() const {
        const auto per_state = [&](const std::vector<double>& values) {
            return ssm::matrix_view<const double>(values.data(), states, channels);
        };
        return {per_state(decay), per_state(gain), per_state(c), ssm::vector_view<const double>(d.data(), channels),
                ssm::matrix_view<const double>(x.data(), tokens, channels)};
    }

    ssm::index channels;
    std::vector<double> decay, gain, c, d, x;
};

static_assert(ssm::recurrence<held_selective<float>> && ssm::recurrence<backwards<ssm::s4d<float>>>);
static_assert(!ssm::time_invariant<held_selective<float>>);

/// A scan by a policy, from a state that is not zero.
template <class Policy, class R>
outcome scanned_by(const ssm::cpu& device, Policy policy, const R& r, ssm::index channels) {
    outcome result{random_values(states * channels, -1, 1, 6),
                   std::vector<float>(static_cast<std::size_t>(tokens * channels))};
    device.scan(policy, r, ssm::matrix_view<float>(result.h.data(), states, channels), 1,
                ssm::matrix_view<float>(result.y.data(), tokens, channels));
    return result;
}

/// The same by the reference.
template <class R>
std::pair<std::vector<double>, std::vector<double>> scanned_exactly(const R& r, ssm::index channels) {
    const auto start = random_values(states * channels, -1, 1, 6);
    std::vector<double> h(start.begin(), start.end());
    std::vector<double> y(static_cast<std::size_t>(tokens * channels));
    ssm::math::selective_scan(r, tokens, channels, states, ssm::matrix_view<double>(h.data(), states, channels),
                              ssm::matrix_view<double>(y.data(), tokens, channels));
    return {h, y};
}

constexpr double bound = 1e-5;  // what tests/conformance allows a scan

}  // namespace

TEST_CASE("A time-invariant recurrence as a convolution is its scan, whatever the blocks and the threads") {
    const ssm::cpu one, three{{.threads = 3}};
    for (const ssm::index channels : {1, 21, 77}) {
        const random_s4d recurrence(channels);
        const auto [h, y] = scanned_exactly(exact_s4d(recurrence).recurrence(), channels);
        for (const ssm::index length : {1, 7, 64, 99, 100, 1000}) {
            CAPTURE(channels, length);
            const outcome found = scanned_by(one, ssm::convolution{length}, recurrence.from(0), channels);
            CHECK(ssm::test::relative_error(found.y, y) < bound);
            CHECK(ssm::test::relative_error(found.h, h) < bound);
            CHECK(scanned_by(three, ssm::convolution{length}, recurrence.from(0), channels) == found);
        }
    }
}

TEST_CASE("A selective recurrence with zero-order hold needs no kernel of its own") {
    static constexpr ssm::index channels = 21;
    const auto problem = []<class S>(S) {
        struct {
            std::vector<S> a, d, dt, x, b, c;
        } p;
        const auto draw = [](ssm::index count, float low, float high, unsigned seed) {
            const auto values = random_values(count, low, high, seed);
            return std::vector<S>(values.begin(), values.end());
        };
        p.a = draw(states * channels, -4, -0.1F, 1);
        p.d = draw(channels, -1, 1, 2);
        p.dt = draw(tokens * channels, 0.01F, 1, 3);
        p.x = draw(tokens * channels, -1, 1, 4);
        p.b = draw(tokens * states, -1, 1, 5);
        p.c = draw(tokens * states, -1, 1, 7);
        return p;
    };
    const auto recurrence_of = []<class S>(const auto& p, S) {
        const auto matrix = [](const std::vector<S>& of, ssm::index columns) {
            return ssm::matrix_view<const S>(of.data(), static_cast<ssm::index>(of.size()) / columns, columns);
        };
        return held_selective<S>{{matrix(p.a, channels), ssm::vector_view<const S>(p.d.data(), channels),
                                  matrix(p.dt, channels), matrix(p.x, channels), matrix(p.b, states),
                                  matrix(p.c, states)}};
    };
    const ssm::cpu device{{.threads = 2}};
    const auto wide = problem(double{});
    const auto narrow = problem(float{});
    const auto [h, y] = scanned_exactly(recurrence_of(wide, double{}), channels);
    const auto r = recurrence_of(narrow, float{});
    for (const outcome& found :
         {scanned_by(device, ssm::sequential{}, r, channels), scanned_by(device, ssm::chunked{16}, r, channels)}) {
        CHECK(ssm::test::relative_error(found.y, y) < bound);
        CHECK(ssm::test::relative_error(found.h, h) < bound);
    }
}

TEST_CASE("A scan each way is a layer that sees both ways") {
    // Of S4D in closed form: y[t] = sum over s of kernel(|t - s|) x[s], the token itself in both directions.
    constexpr ssm::index channels = 5;
    const random_s4d numbers(channels);
    const exact_s4d exact(numbers);
    const ssm::s4d<double> r = exact.recurrence();
    std::vector<double> expected;
    for (ssm::index t = 0; t < tokens; ++t)
        for (ssm::index ch = 0; ch < channels; ++ch) {
            double sum = 2 * r.skip(t, ch);
            for (ssm::index s = 0; s < tokens; ++s)
                for (ssm::index n = 0; n < states; ++n) {
                    const auto age = static_cast<double>(std::abs(t - s));
                    sum += (s == t ? 2 : 1) * r.c(n, ch) * std::pow(r.decay(n, ch), age) * r.gain(n, ch) * r.x(s, ch);
                }
            expected.push_back(sum);
        }
    const ssm::cpu device;
    const auto run = [&](const auto& recurrence) {
        std::vector<float> h(states * channels), y(tokens * channels);
        device.scan(ssm::sequential{}, recurrence, ssm::matrix_view<float>(h.data(), states, channels), 1,
                    ssm::matrix_view<float>(y.data(), tokens, channels));
        return y;
    };
    std::vector<float> both = run(numbers.from(0));
    const std::vector<float> back = run(backwards<ssm::s4d<float>>{numbers.from(0), tokens});
    for (ssm::index t = 0; t < tokens; ++t)
        for (ssm::index ch = 0; ch < channels; ++ch)
            both[static_cast<std::size_t>(t * channels + ch)] +=
                back[static_cast<std::size_t>((tokens - 1 - t) * channels + ch)];
    CHECK(ssm::test::relative_error(both, expected) < bound);
}

TEST_CASE("A chunk or a block without tokens is refused") {
    constexpr ssm::index channels = 4, heads = 2, few = 2;
    const ssm::cpu device;
    const random_s4d s4d(channels);
    const std::vector<float> ones(tokens * states, 1.0F);
    const auto matrix = [&](ssm::index columns) { return ssm::matrix_view<const float>(ones.data(), tokens, columns); };
    const ssm::vector_view<const float> per_head(ones.data(), heads);
    const ssm::multihead_selective<float> multihead{
        per_head, per_head, matrix(heads), matrix(channels), matrix(states), matrix(states), 1};
    const auto refusal = [&](auto policy, const auto& r, ssm::index rows) {
        std::vector<float> h(states * channels), y(tokens * channels);
        return ssm::test::refusal([&] {
            device.scan(policy, r, ssm::matrix_view<float>(h.data(), states, channels), 1,
                        ssm::matrix_view<float>(y.data(), rows, channels));
        });
    };
    for (const ssm::index length : {0, -1, -64}) {
        const std::string expected =
            "scan policy: length: found " + std::to_string(length) + ", expected at least 1; it is the tokens of";
        CHECK_THAT(refusal(ssm::chunked{length}, s4d.from(0), tokens), Catch::Contains(expected));
        CHECK_THAT(refusal(ssm::convolution{length}, s4d.from(0), tokens), Catch::Contains(expected));
        CHECK_THAT(refusal(ssm::state_space_dual{length}, multihead, tokens), Catch::Contains(expected));
        CHECK_THAT(refusal(ssm::state_space_dual{length}, multihead, few), Catch::Contains(expected));
    }
    CHECK(refusal(ssm::state_space_dual{1}, multihead, tokens) == "none");
}

}  // namespace scan_test
