// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/backend/cpu/cpu.hpp>
#include <ssm/generate/speculative.hpp>
#include <ssm/ssm.hpp>

#include <vector>

#include "support/catch.hpp"
#include "support/random_weights.hpp"
#include "support/stock_models.hpp"

namespace speculative_test {

namespace {

using ssm::token_id;
using falcon = ssm::falcon_mamba<ssm::cpu>;
using tokens = std::vector<token_id>;

/// The target with some noise in one tensor: it often agrees.
falcon like(const falcon& target, float noise) {
    ssm::test::random_weights weights(target.config());
    const auto change = ssm::test::random_values(51 * 40, -noise, noise, 5);
    auto& head = weights.values("lm_head.weight");
    for (std::size_t i = 0; i < head.size(); ++i) head[i] += change[i];
    return ssm::load<falcon>(weights, target.device());
}

tokens greedy(ssm::session<falcon>& session, int count) {
    ssm::sampler choose({.temperature = 0});
    tokens ids;
    for (int i = 0; i < count; ++i) ids.push_back(session.next(choose));
    return ids;
}

}  // namespace

TEST_CASE("Speculative text is the target's own, whatever the draft guesses") {
    const ssm::cpu device{{.threads = 2}};
    const auto target = ssm::load<falcon>(ssm::test::random_weights(ssm::test::small_config()), device);
    const tokens prompt{1, 2, 3, 4, 5}, more{7, 8, 9};
    for (const float noise : {0.0F, 1.0F, 30.0F})
        for (const ssm::index ahead : {1, 2, 5})
            // How many tokens the caller takes before it goes on with other text: any place within a round.
            for (const int taken : {0, 1, 2, 3, 17}) {
                CAPTURE(noise, ahead, taken);
                ssm::session alone{target};
                alone.prefill(prompt);
                ssm::speculative pair(target, like(target, noise), ahead);
                pair.prefill(prompt);
                for (const tokens& text : {more, prompt, tokens{}}) {
                    tokens ids;
                    for (int i = 0; i < taken; ++i) ids.push_back(pair.next());
                    REQUIRE(ids == greedy(alone, taken));
                    if (text.empty()) break;
                    pair.prefill(text);
                    alone.prefill(text);
                }
            }
}

TEST_CASE("The record tells how many guesses were right") {
    const ssm::cpu device;
    const auto target = ssm::load<falcon>(ssm::test::random_weights(ssm::test::small_config()), device);
    const auto run = [&](float noise) {
        ssm::speculative pair(target, like(target, noise), 4);
        pair.prefill(tokens{1, 2, 3});
        for (int i = 0; i < 101; ++i) (void)pair.next();
        return pair.record();
    };
    const auto same = run(0);
    CHECK(same.rounds == 20);  // five tokens each, after the first
    CHECK(same.drafted == 80);
    CHECK(same.acceptance() == 1);
    const auto noisy = run(30);
    CHECK(noisy.rounds > same.rounds);
    CHECK(noisy.acceptance() < 0.5);
    CHECK(ssm::draft_record{}.acceptance() == 0);
}

TEST_CASE("Two models that cannot work together are refused") {
    const ssm::cpu device;
    ssm::model_config config = ssm::test::small_config();
    const auto target = ssm::load<falcon>(ssm::test::random_weights(config), device);
    config.vocab = 52;
    const auto other = ssm::load<falcon>(ssm::test::random_weights(config), device);
    CHECK_THROWS_WITH(ssm::speculative(target, other), Catch::Contains("draft: found a vocabulary of 52, expected 51"));
    CHECK_THROWS_WITH(ssm::speculative(target, target, 0), Catch::Contains("ahead: found 0, expected at least 1"));
    ssm::speculative pair(target, target);
    CHECK_THROWS_AS(pair.next(), ssm::argument_error);
}

}  // namespace speculative_test
