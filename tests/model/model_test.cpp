// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/backend/cpu/cpu.hpp>
#include <ssm/ssm.hpp>

#include <cstring>
#include <vector>

#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/random_weights.hpp"
#include "support/stock_models.hpp"

namespace model_test {

namespace {

using ssm::token_id;
using falcon = ssm::falcon_mamba<ssm::cpu>;

constexpr ssm::index prompt_length = 130;

std::vector<token_id> prompt(ssm::index vocab) {
    std::vector<token_id> ids;
    for (ssm::index t = 0; t < prompt_length; ++t) ids.push_back(static_cast<token_id>(t * t * 7 % vocab));
    return ids;
}

template <class Model>
struct outcome {
    std::vector<float> logits;  // of every token
    typename Model::state_type state;

    friend bool operator==(const outcome&, const outcome&) = default;
};

/// The prompt in chunks of the given lengths, again and again.
template <class Model>
outcome<Model> run(const Model& model, const std::vector<ssm::index>& chunks) {
    const ssm::index vocab = model.config().vocab;
    const std::vector<token_id> ids = prompt(vocab);
    outcome<Model> result{std::vector<float>(static_cast<std::size_t>(prompt_length * vocab)), model.start_state()};
    auto scratch = model.make_workspace(prompt_length);
    std::size_t turn = 0;
    for (ssm::index done = 0; done < prompt_length;) {
        const ssm::index count = std::min(chunks[turn++ % chunks.size()], prompt_length - done);
        model.forward(std::span(ids).subspan(static_cast<std::size_t>(done), static_cast<std::size_t>(count)),
                      result.state, scratch,
                      ssm::matrix_view<float>(result.logits.data() + done * vocab, count, vocab));
        done += count;
    }
    return result;
}

const std::vector<std::vector<ssm::index>> schedules{{1}, {7}, {64}, {512}, {3, 1, 20, 2}};

}  // namespace

TEST_CASE("Every split of a prompt and every number of threads leaves the same bits in every dtype") {
    const auto type = GENERATE(ssm::dtype::f32, ssm::dtype::bf16, ssm::dtype::f16, ssm::dtype::q8, ssm::dtype::q4);
    CAPTURE(name_of(type));
    const ssm::test::random_weights weights(ssm::test::small_config());
    const ssm::load_options options{.type = type};
    const ssm::cpu one{{.threads = 1}};
    const auto whole = run(ssm::load<falcon>(weights, one, options), {prompt_length});
    CHECK(whole.state.position() == prompt_length);
    for (const int threads : {1, 2, 3}) {
        const ssm::cpu device{{.threads = threads}};
        const auto model = ssm::load<falcon>(weights, device, options);
        for (const auto& schedule : schedules) {
            CAPTURE(threads, schedule);
            CHECK((run(model, schedule) == whole));
        }
    }
}

TEST_CASE("Quantized weights give about the logits of the exact ones") {
    const ssm::test::random_weights weights(ssm::test::small_config());
    const ssm::cpu device;
    const auto exact = run(ssm::load<falcon>(weights, device), {prompt_length}).logits;
    const auto error = [&](ssm::dtype type) {
        return ssm::test::relative_error(
            run(ssm::load<falcon>(weights, device, {.type = type}), {prompt_length}).logits, exact);
    };
    // Half a step is 1/254 and 1/16 of a block's largest weight; sums of random signs and the layers' gains leave about as
    // much of the logits.
    CHECK(error(ssm::dtype::q8) < 0.05);
    CHECK(error(ssm::dtype::q8) > 1e-4);
    CHECK(error(ssm::dtype::q4) < 0.5);
    CHECK(error(ssm::dtype::q4) > error(ssm::dtype::q8));
}

struct ring_arch : ssm::falcon_mamba_arch {
    using conv_state = ssm::ring_window;
};
struct chunked_arch : ssm::falcon_mamba_arch {
    using scan = ssm::chunked;
};
struct learned_arch : ssm::falcon_mamba_arch {
    using bcdt_norm = ssm::learned_rms;
};

TEST_CASE("A ring window gives the bits of a shift window") {
    const ssm::test::random_weights weights(ssm::test::small_config());
    const ssm::cpu device;
    const auto expected = run(ssm::load<falcon>(weights, device), {prompt_length});
    const auto model = ssm::load<ssm::model<ssm::cpu, ring_arch>>(weights, device);
    for (const auto& schedule : schedules) {
        CAPTURE(schedule);
        CHECK(run(model, schedule).logits == expected.logits);
    }
}

TEST_CASE("The chunked scan agrees with the sequential one within rounding") {
    const ssm::test::random_weights weights(ssm::test::small_config());
    const ssm::cpu device{{.threads = 2}};
    const auto expected = run(ssm::load<falcon>(weights, device), {prompt_length});
    const auto model = ssm::load<ssm::model<ssm::cpu, chunked_arch>>(weights, device);
    for (const auto& schedule : schedules) {
        CAPTURE(schedule);
        CHECK(ssm::test::relative_error(run(model, schedule).logits, expected.logits) < 1e-5);
    }
}

TEST_CASE("The three norms on dt, B and C differ, and a learned gain of one is none") {
    ssm::model_config config = ssm::test::small_config();
    const ssm::cpu device;
    ssm::test::random_weights weights(config);
    const auto unit = run(ssm::load<falcon>(weights, device), {prompt_length}).logits;
    const auto learned = run(ssm::load<ssm::model<ssm::cpu, learned_arch>>(weights, device), {prompt_length}).logits;
    CHECK(ssm::test::relative_error(learned, unit) > 1e-3);

    for (ssm::index i = 0; i < config.layers; ++i)
        for (const char* name : {"dt", "b", "c"}) {
            auto& gain =
                weights.values("backbone.layers." + std::to_string(i) + ".mixer." + name + "_layernorm.weight");
            std::fill(gain.begin(), gain.end(), 1.0F);
        }
    CHECK(run(ssm::load<ssm::model<ssm::cpu, learned_arch>>(weights, device), {prompt_length}).logits == unit);

    config.model_type = "mamba";
    const ssm::test::random_weights plain(config);
    const auto none = run(ssm::load<ssm::mamba<ssm::cpu>>(plain, device), {prompt_length}).logits;
    CHECK(ssm::test::relative_error(none, unit) > 1e-3);
}

TEST_CASE("forward refuses what it cannot run and changes nothing") {
    const ssm::test::random_weights weights(ssm::test::small_config());
    const ssm::cpu device;
    const auto model = ssm::load<falcon>(weights, device);
    auto scratch = model.make_workspace(4);
    auto state = model.start_state();
    std::vector<float> logits(2 * 51);
    const auto refusal = [&](const std::vector<token_id>& ids, ssm::matrix_view<float> out) -> std::string {
        try {
            model.forward(ids, state, scratch, out);
        } catch (const ssm::argument_error& error) {
            return error.what();
        }
        return "none";
    };
    using Catch::Contains;
    CHECK_THAT(refusal({}, {}), Contains("ids: found none, expected at least one token"));
    CHECK_THAT(refusal({1, 51}, {}), Contains("token 51 at position 1, expected 0 to 50"));
    CHECK_THAT(refusal({-1}, {}), Contains("token -1 at position 0"));
    CHECK_THAT(refusal({1, 2, 3, 4, 5}, {}), Contains("found 5 tokens, expected at most the workspace's 4"));
    CHECK_THAT(refusal({1}, ssm::matrix_view<float>(logits.data(), 2, 51)), Contains("logits: found (2, 51)"));
    CHECK_THAT(refusal({1}, ssm::matrix_view<float>(logits.data(), 1, 50)), Contains("logits: found (1, 50)"));
    CHECK(state == model.start_state());

    ssm::model_config other = ssm::test::small_config();
    other.state = 12;
    const ssm::test::random_weights other_weights(other);
    state = ssm::load<falcon>(other_weights, device).start_state();
    CHECK_THAT(refusal({1}, {}), Contains("state: found one of another shape"));

    CHECK_THROWS_AS(model.make_workspace(0), ssm::argument_error);
    CHECK_THROWS_AS(model.make_workspace(std::numeric_limits<ssm::index>::max()), ssm::argument_error);
    CHECK_THROWS_AS(model.make_workspace(ssm::index{1} << 40), ssm::memory_error);
}

}  // namespace model_test
