// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/generate/sampler.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "support/catch.hpp"

namespace sampler_test {

namespace {

using Catch::Contains;
using ssm::sampling_options;
using ssm::token_id;

constexpr float inf = std::numeric_limits<float>::infinity();
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

const std::vector<float> logits{1.0F, -0.5F, 2.5F, 0.0F, 2.0F, -inf, 1.5F, -3.0F};

/// The distribution by the book: each option on its own, over all tokens, in the order of the options.
std::vector<double> distribution(const sampling_options& o, const std::vector<token_id>& seen) {
    std::vector<double> score(logits.begin(), logits.end());
    for (std::size_t i = 0; i < score.size(); ++i) {
        if (std::count(seen.begin(), seen.end(), static_cast<token_id>(i)) != 0)
            score[i] = score[i] < 0 ? score[i] * o.repetition_penalty : score[i] / o.repetition_penalty;
        score[i] /= o.temperature;
    }
    std::vector<double> p(score.size());
    const auto normalise = [&] {
        const double sum = std::accumulate(p.begin(), p.end(), 0.0);
        for (double& x : p) x /= sum;
    };
    std::transform(score.begin(), score.end(), p.begin(), [](double s) { return std::exp(s); });
    normalise();
    const auto better_than = [&](double x) {
        return std::count_if(p.begin(), p.end(), [&](double y) { return y > x; });
    };
    std::vector<double> kept = p;
    for (std::size_t i = 0; i < p.size(); ++i)
        if (o.top_k > 0 && better_than(p[i]) >= o.top_k) kept[i] = 0;
    p = kept;
    normalise();
    kept = p;
    for (std::size_t i = 0; i < p.size(); ++i) {
        double mass = 0;
        for (const double y : p) mass += y > p[i] ? y : 0;
        if (mass >= o.top_p) kept[i] = 0;
    }
    p = kept;
    normalise();
    const double largest = *std::max_element(p.begin(), p.end());
    for (double& x : p)
        if (x < o.min_p * largest) x = 0;
    normalise();
    return p;
}

/// Pearson's statistic of `draws` tokens, each drawn with the same history; infinite if an excluded token came.
double chi_square(const sampling_options& options, const std::vector<token_id>& seen, int draws) {
    const std::vector<double> expected = distribution(options, seen);
    std::vector<int> count(logits.size());
    ssm::sampler choose(options);
    for (int i = 0; i < draws; ++i) {
        choose.observe(seen);
        ++count[static_cast<std::size_t>(choose(logits))];
    }
    double sum = 0;
    for (std::size_t i = 0; i < count.size(); ++i) {
        if (expected[i] == 0) {
            if (count[i] != 0) return inf;
            continue;
        }
        const double difference = count[i] - expected[i] * draws;
        sum += difference * difference / (expected[i] * draws);
    }
    return sum;
}

std::string refusal(const sampling_options& options) {
    try {
        const ssm::sampler choose(options);
    } catch (const ssm::argument_error& error) {
        return error.what();
    }
    return "none";
}

}  // namespace

TEST_CASE("Draws follow the distribution that the options describe") {
    const std::vector<sampling_options> rows{
        {},
        {.temperature = 0.5},
        {.temperature = 3},
        {.top_k = 1},
        {.top_k = 3},
        {.top_k = 1'000'000},
        {.top_p = 0.6},
        {.top_p = 1e-9},
        {.top_p = 0.999999},
        {.min_p = 0.2},
        {.min_p = 1},
        {.temperature = 1.5, .top_k = 5, .top_p = 0.8, .min_p = 0.1},
        {.temperature = 0.7, .top_k = 4, .top_p = 0.9},
    };
    for (sampling_options options : rows) {
        options.seed = 42;
        CAPTURE(options.temperature, options.top_k, options.top_p, options.min_p);
        // 99.99% of fair samples with 6 degrees of freedom stay below 27.9.
        CHECK(chi_square(options, {}, 20'000) < 27.9);
    }
}

TEST_CASE("The repetition penalty moves seen tokens and no others") {
    // A window as long as the history forgets each drawn token before the next draw.
    const std::vector<token_id> seen{2, 7, 2, 3};
    for (const double penalty : {0.5, 1.3, 5.0}) {
        const sampling_options options{.repetition_penalty = penalty, .repetition_window = 4, .seed = 3};
        CAPTURE(penalty);
        CHECK(chi_square(options, seen, 20'000) < 27.9);
    }
}

TEST_CASE("Greedy takes the largest logit, the first of equals, and heeds the penalty") {
    ssm::sampler greedy({.temperature = 0});
    CHECK(greedy(logits) == 2);
    CHECK(greedy(std::vector<float>{1, 3, 3, 2}) == 1);
    CHECK(greedy(std::vector<float>{-inf, -inf, -7}) == 2);

    ssm::sampler penalised({.repetition_penalty = 2, .temperature = 0});
    const std::vector<float> close{4, 3, 2.5F, -1};
    CHECK(penalised(close) == 0);  // 4 becomes 2
    CHECK(penalised(close) == 1);  // 3 becomes 1.5
    CHECK(penalised(close) == 2);  // 2.5 becomes 1.25
    CHECK(penalised(close) == 0);

    ssm::sampler negative({.repetition_penalty = 3, .temperature = 0});
    negative.observe(std::vector<token_id>{1, 99, -4});  // ids that these logits lack are of no account
    CHECK(negative(std::vector<float>{-2, -1, -2.5F}) == 0);
}

TEST_CASE("Equal logits: exactly k, and the least that reach p, the lower ids first") {
    const std::vector<float> flat(10, 0.25F);
    for (const sampling_options& options : {sampling_options{.top_k = 3}, sampling_options{.top_p = 0.3}}) {
        ssm::sampler choose(options);
        std::vector<int> count(flat.size());
        for (int i = 0; i < 1000; ++i) ++count[static_cast<std::size_t>(choose(flat))];
        CHECK(count[0] + count[1] + count[2] == 1000);
        CHECK(std::min({count[0], count[1], count[2]}) > 250);
    }
}

TEST_CASE("A seed fixes the draws, on every standard library") {
    const std::vector<float> flat(1000, 0.0F);
    const auto draws = [&](std::uint64_t seed) {
        ssm::sampler choose({.seed = seed});
        std::vector<token_id> ids;
        for (int i = 0; i < 6; ++i) ids.push_back(choose(flat));
        return ids;
    };
    CHECK(draws(1) == draws(1));
    CHECK(draws(1) != draws(2));
    // floor(1000 u) for the 53-bit fractions u of std::mt19937_64, whose values the standard fixes.
    std::mt19937_64 random(7);
    std::vector<token_id> expected;
    for (int i = 0; i < 6; ++i)
        expected.push_back(static_cast<token_id>(static_cast<double>(random() >> 11) * 0x1p-53 * 1000));
    CHECK(draws(7) == expected);
}

TEST_CASE("Extreme temperatures and logits stay well defined") {
    const std::vector<float> extreme{3e38F, -3e38F, 2.9e38F};
    for (const double temperature : {5e-324, 1e-30, 1.0, 100.0}) {
        ssm::sampler choose({.temperature = temperature});
        CHECK(choose(extreme) == 0);
    }
    ssm::sampler penalised({.repetition_penalty = 100, .temperature = 1});
    penalised.observe(std::vector<token_id>{0, 1, 2});
    CHECK(penalised(extreme) == 0);
}

TEST_CASE("Logits that are no distribution are refused") {
    for (const double temperature : {0.0, 1.0}) {
        ssm::sampler choose({.temperature = temperature});
        CHECK_THROWS_WITH(choose(std::vector<float>{0, not_a_number, 1}), Contains("logits: found NaN for token 1"));
        CHECK_THROWS_WITH(choose(std::vector<float>{0, 1, inf}), Contains("found infinity for token 2"));
        CHECK_THROWS_WITH(choose(std::vector<float>{-inf, -inf}), Contains("found -infinity for every token"));
        CHECK_THROWS_WITH(choose(std::vector<float>{}), Contains("found none"));
        CHECK_THROWS_AS(choose(std::vector<float>{not_a_number}), ssm::argument_error);
    }
}

TEST_CASE("Options out of range are refused by name, value and range") {
    const double dnan = std::numeric_limits<double>::quiet_NaN();
    const double dinf = std::numeric_limits<double>::infinity();
    for (const double bad : {dnan, dinf, -dinf, -0.1, 100.1, 1e300}) {
        CAPTURE(bad);
        CHECK_THAT(refusal({.temperature = bad}), Contains("sampling_options: temperature: found "));
        CHECK_THAT(refusal({.temperature = bad}), Contains("expected 0 (greedy) to 100"));
        CHECK_THAT(refusal({.repetition_penalty = bad}), Contains("repetition_penalty: found "));
        CHECK_THAT(refusal({.top_p = bad}), Contains("top_p: found "));
        CHECK_THAT(refusal({.min_p = bad}), Contains("min_p: found "));
    }
    CHECK_THAT(refusal({.repetition_penalty = 0}), Contains("repetition_penalty: found 0, expected 0.01 to 100"));
    CHECK_THAT(refusal({.top_p = 0}), Contains("top_p: found 0, expected more than 0, at most 1"));
    CHECK_THAT(refusal({.top_p = 1.5}), Contains("top_p: found 1.5"));
    CHECK_THAT(refusal({.min_p = 1.01}), Contains("min_p: found 1.01, expected 0 (off) to 1"));
    for (const ssm::index bad : {ssm::index{-1}, ssm::index{1'000'001}, std::numeric_limits<ssm::index>::max()}) {
        CHECK_THAT(refusal({.top_k = bad}), Contains("top_k: found " + std::to_string(bad) + ", expected 0 (all"));
        CHECK_THAT(refusal({.repetition_window = bad}), Contains("repetition_window: found " + std::to_string(bad)));
    }
    CHECK(refusal({.temperature = 0, .top_k = 0, .min_p = 0}) == "none");
    CHECK(refusal({.repetition_penalty = 100, .temperature = 100, .top_p = 1, .min_p = 1}) == "none");
}

}  // namespace sampler_test
