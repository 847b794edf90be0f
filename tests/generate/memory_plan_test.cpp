// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/generate/batch.hpp>
#include <ssm/generate/sampler.hpp>
#include <ssm/generate/session.hpp>
#include <ssm/ssm.hpp>

#include <optional>
#include <vector>

#include "support/catch.hpp"
#include "support/counted_cpu.hpp"
#include "support/random_weights.hpp"
#include "support/stock_models.hpp"

namespace memory_plan_test {

namespace {

using ssm::token_id;
using ssm::test::counted_bytes;
using ssm::test::counted_cpu;
using counted = ssm::falcon_mamba<counted_cpu>;

std::vector<token_id> prompt(ssm::index tokens) {
    std::vector<token_id> ids;
    for (ssm::index t = 0; t < tokens; ++t) ids.push_back(static_cast<token_id>(t * 7 % 51));
    return ids;
}

}  // namespace

TEST_CASE("What is planned is what is taken, to the byte") {
    const counted_cpu device{{.threads = 2}};
    for (const bool biased : {false, true})
        for (const ssm::dtype type :
             {ssm::dtype::f32, ssm::dtype::bf16, ssm::dtype::f16, ssm::dtype::q8, ssm::dtype::q4}) {
            ssm::model_config config = ssm::test::small_config();
            config.projection_bias = biased;
            config.tied_head = biased;
            CAPTURE(biased, ssm::name_of(type));
            const ssm::memory_plan plan =
                ssm::plan<counted>(config, device, {.matrices = type, .prompt = 100}, ssm::in_chunks{30});
            CHECK(plan.chunk == 30);

            counted_bytes = {};
            const auto model = ssm::load<counted>(ssm::test::random_weights(config), device, {.type = type});
            CHECK(counted_bytes.now == plan.weights);
            CHECK(model.weight_bytes() == plan.weights);
            std::optional<ssm::session<counted>> sequence(model);
            CHECK(counted_bytes.now == plan.weights + plan.state + plan.logits);
            sequence->prefill(prompt(100), ssm::in_chunks{30});
            CHECK(counted_bytes.now == plan.peak());
            CHECK(counted_bytes.most == plan.peak());
        }
}

TEST_CASE("A batch takes what is planned at once, and nothing more as sequences come and go") {
    const counted_cpu device;
    const ssm::model_config config = ssm::test::small_config();
    for (const ssm::index chunk : {4, 30}) {
        const auto plan = ssm::plan<counted>(config, device, {.matrices = ssm::dtype::f32, .batch = 7, .prompt = 100},
                                             ssm::in_chunks{chunk});
        counted_bytes = {};
        const auto model = ssm::load<counted>(ssm::test::random_weights(config), device);
        ssm::batch batch(model, 7, ssm::in_chunks{chunk});
        CHECK(counted_bytes.now == plan.peak());
        const auto before = counted_bytes;
        for (ssm::index length = 1; length <= 9; ++length) batch.join(prompt(length));
        for (int i = 0; i < 40; ++i) {
            batch.step();
            for (const auto row : batch.ready()) {
                (void)batch.next(row, ssm::sampler({.temperature = 0}));
                if (batch.position(row) > 10 + row) batch.remove(row);
            }
        }
        CHECK(batch.size() == 0);
        CHECK(counted_bytes.times == before.times);
        CHECK(batch.scratch_bytes() == plan.scratch);
    }
}

TEST_CASE("A token more takes no memory") {
    const counted_cpu device;
    const auto model = ssm::load<counted>(ssm::test::random_weights(ssm::test::small_config()), device);
    ssm::session sequence{model};
    ssm::sampler choose({.top_k = 10});
    sequence.prefill(prompt(1000));
    (void)sequence.next(choose);
    const auto before = counted_bytes;
    for (int i = 0; i < 1000; ++i) (void)sequence.next(choose);
    for (int i = 0; i < 4; ++i) sequence.prefill(prompt(500));
    CHECK(counted_bytes.now == before.now);
    CHECK(counted_bytes.most == before.most);
    CHECK(counted_bytes.times == before.times);
}

TEST_CASE("A budget becomes the longest chunk that fits in it") {
    const counted_cpu device;
    const ssm::model_config config = ssm::test::small_config();
    const auto model = ssm::load<counted>(ssm::test::random_weights(config), device);
    const ssm::index bytes = counted::workspace_bytes(config, 37);
    const auto plan = ssm::plan<counted>(config, device, {.matrices = ssm::dtype::f32}, ssm::in_budget{bytes});
    CHECK(plan.chunk >= 37);
    CHECK(plan.scratch <= bytes);
    CHECK(counted::workspace_bytes(config, plan.chunk + 1) > bytes);

    ssm::session whole{model}, thrifty{model};
    whole.prefill(prompt(200), ssm::whole_prompt{});
    thrifty.prefill(prompt(200), ssm::in_budget{bytes});
    CHECK(thrifty.scratch_bytes() == plan.scratch);
    CHECK(thrifty.state() == whole.state());
    CHECK_THROWS_AS(thrifty.prefill(prompt(2), ssm::in_budget{1000}), ssm::memory_error);
    CHECK(thrifty.state() == whole.state());
    CHECK_THROWS_AS((ssm::plan<counted>(config, device, {}, ssm::in_budget{1000})), ssm::memory_error);
}

TEST_CASE("A plan of nothing is refused") {
    const counted_cpu device;
    const ssm::model_config config = ssm::test::small_config();
    CHECK_THROWS_WITH(ssm::plan<counted>(config, device, {.batch = -1}), Catch::Contains("batch: found -1"));
    CHECK_THROWS_WITH(ssm::plan<counted>(config, device, {.prompt = -1}), Catch::Contains("prompt: found -1"));
}

TEST_CASE("Falcon Mamba 7B fits a card of 24 GB") {
    const counted_cpu device;
    ssm::model_config config;
    config.hidden = 4096;
    config.inner = 8192;
    config.state = 16;
    config.conv = 4;
    config.dt_rank = 256;
    config.layers = 64;
    config.vocab = 65024;
    counted_bytes = {};
    const auto plan = ssm::plan<counted>(config, device, {.prompt = 2048}, ssm::in_chunks{2048});
    CHECK(counted_bytes.most == 0);  // nothing is taken to plan
    CHECK(plan.state == 64 * (16 + 3) * 8192 * 4);
    // 7,272,665,088 parameters: those in matrices at two bytes, the others at four.
    const ssm::index vectors = 64 * (4096 + 8192 * (4 + 1 + 1 + 16 + 1)) + 4096;
    CHECK(plan.weights == 2 * (7'272'665'088 - vectors) + 4 * vectors);
    CHECK(plan.peak() < 24'000'000'000);
}

}  // namespace memory_plan_test
