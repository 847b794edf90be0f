// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

// Listings of docs/state.md that stand in no example.
#include <ssm/backend/cpu/cpu.hpp>
#include <ssm/ssm.hpp>
#include <ssm/testing/properties.hpp>

#include <thread>
#include <vector>

#include "support/catch.hpp"
#include "support/random_weights.hpp"
#include "support/stock_models.hpp"

namespace state_test {

namespace {

using falcon = ssm::falcon_mamba<ssm::cpu>;

const ssm::cpu device;
const ssm::model_config config = ssm::test::small_config();
falcon load() { return ssm::load<falcon>(ssm::test::random_weights(config), device); }

}  // namespace

TEST_CASE("The listings of docs/state.md run") {
    const auto model = load();
    const std::vector<ssm::token_id> system{1, 2, 3}, question{1, 2, 3, 4, 5}, prompt = question;

    static_assert(ssm::falcon_mamba<ssm::cpu>::is_schedule_invariant);
    {
        const ssm::memory_plan plan =
            ssm::plan<falcon>(config, device, {.matrices = ssm::dtype::bf16, .rewind = 16}, ssm::in_budget{256 << 20});
        CHECK(plan.peak() == plan.weights + plan.state + plan.logits + plan.history + plan.scratch);
        CHECK(plan.chunk > 0);
    }
    {
        ssm::prefix_cache<falcon> cache(model, 1 << 30);
        (void)cache.start(system);                       // what all prompts begin with
        auto [session, reused] = cache.start(question);  // goes on from there
        CHECK(reused == 3);
    }
    {
        const auto draft_model = load();
        ssm::speculative pair(model, draft_model, 4);  // four guesses a pass of the target
        pair.prefill(prompt);
        for (int i = 0; i < 20; ++i) (void)pair.next();
        CHECK(pair.record().acceptance() == 1);
    }
    {
        std::vector<ssm::token_id> chosen(2);
        std::vector<std::thread> readers;
        for (auto& token : chosen)
            readers.emplace_back([&model, &prompt, &token] {
                ssm::session session{model};  // a thread's own; the model is shared
                session.prefill(prompt);
                token = session.next(ssm::sampler({.temperature = 0}));
            });
        for (auto& reader : readers) reader.join();
        CHECK(chosen[0] == chosen[1]);
    }
    std::vector<ssm::token_id> ids;
    for (int i = 0; i < 30; ++i) ids.push_back(i % 7);
    CHECK(ssm::testing::chunk_invariance(model, ids) == "");
    CHECK(ssm::testing::batch_invariance(model, ids) == "");
    CHECK(ssm::testing::exact_rewind(model, ids) == "");
}

}  // namespace state_test
