// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/backend/cuda/cuda.cuh>
#include <ssm/generate/sampler.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <vector>

#include "support/catch.hpp"
#include "support/random_values.hpp"

namespace sampler_test {

namespace {

using ssm::token_id;

class samples_of {
public:
    samples_of(const ssm::cuda& device, const std::vector<float>& logits, const ssm::sampling_options& options)
        : device_(device),
          vocab_(static_cast<ssm::index>(logits.size())),
          logits_(device.upload<float>(logits)),
          sampler_(device.make_sampler(options, vocab_)),
          id_(device.allocate<token_id>(1, "id")) {}

    token_id next() {
        device_.sample(ssm::matrix_view<const float>(logits_.data(), 1, vocab_), sampler_,
                       ssm::vector_view<token_id>(id_.data(), 1));
        return id_.to_host()[0];
    }

private:
    const ssm::cuda& device_;
    ssm::index vocab_;
    ssm::cuda_buffer<float> logits_;
    ssm::cuda_sampler sampler_;
    ssm::cuda_buffer<token_id> id_;
};

}  // namespace

TEST_CASE("Greedy choices on the device are the host's") {
    const ssm::cuda device;
    for (const ssm::index vocab : {1, 2, 51, 1024, 65024}) {
        std::vector<float> logits = ssm::test::random_values(vocab, -5, 5, static_cast<unsigned>(vocab));
        if (vocab > 40) logits[40] = logits[20] = 6;  // of equal ones the lower
        ssm::sampler host({.temperature = 0});
        CHECK(samples_of(device, logits, {.temperature = 0}).next() == host(logits));
    }
}

TEST_CASE("Draws on the device have the probabilities asked for") {
    const ssm::cuda device;
    const std::vector<float> logits{std::log(4.0F), std::log(3.0F), std::log(2.0F), std::log(1.0F), -INFINITY};
    struct row {
        ssm::sampling_options options;
        std::vector<double> probabilities;
    };
    for (const row& r :
         {row{{}, {0.4, 0.3, 0.2, 0.1, 0}}, row{{.top_k = 2}, {4.0 / 7, 3.0 / 7, 0, 0, 0}},
          row{{.top_p = 0.6}, {4.0 / 7, 3.0 / 7, 0, 0, 0}}, row{{.top_p = 0.75}, {4.0 / 9, 3.0 / 9, 2.0 / 9, 0, 0}},
          row{{.min_p = 0.4}, {4.0 / 9, 3.0 / 9, 2.0 / 9, 0, 0}},
          row{{.temperature = 0.5}, {16.0 / 30, 9.0 / 30, 4.0 / 30, 1.0 / 30, 0}},
          row{{.top_k = 1}, {1, 0, 0, 0, 0}}}) {
        constexpr int draws = 4000;
        samples_of sample(device, logits, r.options);
        std::vector<int> counts(logits.size());
        for (int i = 0; i < draws; ++i) ++counts.at(static_cast<std::size_t>(sample.next()));
        for (std::size_t i = 0; i < counts.size(); ++i) {
            const double p = r.probabilities[i];
            CAPTURE(i, p, counts[i]);
            CHECK(std::abs(counts[i] - p * draws) <= 4.5 * std::sqrt(draws * p * (1 - p)));  // 1 in 140,000 by chance
        }
    }
}

TEST_CASE("A seed gives the same draws again, and another seed others") {
    const ssm::cuda device;
    const std::vector<float> logits = ssm::test::random_values(65024, -3, 3);
    const auto draws = [&](std::uint64_t seed) {
        samples_of sample(device, logits, {.top_k = 40, .seed = seed});
        std::vector<token_id> ids;
        for (int i = 0; i < 20; ++i) ids.push_back(sample.next());
        return ids;
    };
    CHECK(draws(1) == draws(1));
    CHECK(draws(1) != draws(2));
    std::vector<token_id> best(logits.size());
    for (std::size_t i = 0; i < best.size(); ++i) best[i] = static_cast<token_id>(i);
    std::partial_sort(best.begin(), best.begin() + 40, best.end(), [&](token_id a, token_id b) {
        return logits[static_cast<std::size_t>(a)] > logits[static_cast<std::size_t>(b)];
    });
    const std::set<token_id> likely(best.begin(), best.begin() + 40);
    for (const token_id id : draws(3)) CHECK(likely.count(id) == 1);
}

TEST_CASE("Logits that leave no choice give -1") {
    const ssm::cuda device;
    const float nan = std::numeric_limits<float>::quiet_NaN();
    for (const double temperature : {0.0, 1.0})
        for (const std::vector<float>& logits :
             {std::vector<float>{1, nan, 2}, std::vector<float>{1, -nan, 2}, std::vector<float>{1, INFINITY, 2},
              std::vector<float>{-INFINITY, -INFINITY}}) {
            CAPTURE(temperature, logits);
            CHECK(samples_of(device, logits, {.temperature = temperature}).next() == -1);
        }
}

}  // namespace sampler_test
