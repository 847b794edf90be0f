// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/generate/sampler.hpp>
#include <ssm/generate/session.hpp>
#include <ssm/ssm.hpp>

#include <algorithm>
#include <limits>
#include <random>
#include <vector>

#include "generate/counting_model.hpp"
#include "support/catch.hpp"
#include "support/counted_cpu.hpp"
#include "support/random_tokens.hpp"
#include "support/random_weights.hpp"
#include "support/refusal.hpp"
#include "support/stock_models.hpp"

namespace rewind_test {

namespace {

using Catch::Contains;
using ssm::token_id;
using ssm::test::refusal;
using falcon = ssm::falcon_mamba<ssm::cpu>;
using tokens = std::vector<token_id>;

struct ring_arch : ssm::falcon_mamba_arch {
    using conv_state = ssm::ring_window;
};

tokens prompt(ssm::index length, unsigned seed = 1) { return ssm::test::random_tokens(length, 51, seed); }

}  // namespace

TEMPLATE_TEST_CASE("A session goes back to the bits it had", "", ssm::falcon_mamba_arch, ring_arch) {
    const ssm::cpu device{{.threads = 2}};
    const auto model =
        ssm::load<ssm::model<ssm::cpu, TestType>>(ssm::test::random_weights(ssm::test::small_config()), device);
    const tokens text = prompt(200);
    std::mt19937 random(9);
    for (const ssm::index window : {1, 3, 40}) {
        ssm::session session(model, ssm::session_options{.rewind = window});
        std::size_t at = 0;
        for (int turn = 0; turn < 30; ++turn) {
            CAPTURE(window, turn, at);
            if (random() % 3 != 0) {
                const std::size_t count = std::min<std::size_t>(1 + random() % 20, text.size() - at);
                if (count == 0) break;
                session.prefill(std::span(text).subspan(at, count),
                                ssm::in_chunks{static_cast<ssm::index>(1 + random() % 9)});
                at += count;
                CHECK(session.rewindable() >= std::min<ssm::index>(window, static_cast<ssm::index>(count)));
            } else if (session.rewindable() > 0) {
                const auto back = random() % static_cast<unsigned>(session.rewindable() + 1);
                at -= back;
                session.rewind_to(static_cast<ssm::index>(at));
            }
            ssm::session straight{model};
            if (at > 0) straight.prefill(std::span(text).first(at));
            REQUIRE(session.state() == straight.state());
            if (at > 0 && random() % 2 == 0) REQUIRE(std::ranges::equal(session.logits(), straight.logits()));
        }
        CHECK(session.rewindable() <= 2 * window + 1);
    }
}

TEST_CASE("A session goes back across positions where smaller counters wrap, and at the last there is") {
    const ssm::cpu device;
    const auto model = ssm::load<falcon>(ssm::test::random_weights(ssm::test::small_config()), device);
    ssm::session near_zero(model, ssm::session_options{.rewind = 6});
    near_zero.prefill(prompt(3));
    const auto values = near_zero.state().values(device);
    near_zero.prefill(prompt(2, 5));
    constexpr ssm::index last = std::numeric_limits<ssm::index>::max();
    for (const ssm::index start : {(ssm::index{1} << 31) - 3, (ssm::index{1} << 32) - 3, last - 6}) {
        CAPTURE(start);
        const auto& shape = near_zero.state().shape();
        ssm::session session(model, falcon::state_type(device, shape, ssm::tokens_read(start, 7), values),
                             ssm::session_options{.rewind = 6});
        session.prefill(prompt(2, 5));
        for (int i = 0; i < 4; ++i) session.prefill(prompt(1, 9));
        CHECK(session.position() == start + 6);
        session.rewind_to(start + 2);
        CHECK(session.state().values(device) == near_zero.state().values(device));
        CHECK(std::ranges::equal(session.logits(), near_zero.logits()));
    }
}

TEST_CASE("A token that was chosen can be chosen again, as often as one likes") {
    const ssm::cpu device;
    const auto model = ssm::load<falcon>(ssm::test::random_weights(ssm::test::small_config()), device);
    ssm::session session(model, ssm::session_options{.rewind = 4});
    session.prefill(prompt(30));
    const std::vector<float> logits(session.logits().begin(), session.logits().end());
    for (int turn = 0; turn < 5; ++turn) {
        ssm::sampler choose({.seed = static_cast<std::uint64_t>(turn)});
        for (int i = 0; i < 5; ++i) (void)session.next(choose);
        CHECK(session.position() == 34);
        session.rewind_to(30);
        CHECK_FALSE(session.pending());
        CHECK(std::ranges::equal(session.logits(), logits));
    }
    (void)session.next(ssm::sampler());
    session.rewind_to(30);  // drops the pending token only
    CHECK(std::ranges::equal(session.logits(), logits));
}

TEST_CASE("The logits after each token are those that reading it alone gives") {
    const ssm::cpu device;
    const auto model = ssm::load<falcon>(ssm::test::random_weights(ssm::test::small_config()), device);
    for (const ssm::index window : {0, 1, 3, 50}) {
        ssm::session scored(model, ssm::session_options{.rewind = window}), stepped(model);
        for (const tokens& ids : {prompt(7, 1), prompt(1, 2), prompt(20, 3)}) {
            const auto rows = scored.score(ids);
            REQUIRE(rows.size() == ids.size() * 51);
            for (std::size_t i = 0; i < ids.size(); ++i) {
                stepped.prefill(std::span(ids).subspan(i, 1));
                CHECK(std::ranges::equal(rows.subspan(i * 51, 51), stepped.logits()));
            }
            CHECK(std::ranges::equal(scored.logits(), stepped.logits()));
            CHECK(scored.state() == stepped.state());
        }
        CHECK(scored.rewindable() >= std::min<ssm::index>(window, 28));
    }
}

TEST_CASE("Going too far back, or ahead, is refused and changes nothing") {
    const ssm::cpu device;
    const auto model = ssm::load<falcon>(ssm::test::random_weights(ssm::test::small_config()), device);
    ssm::session session(model, ssm::session_options{.rewind = 4});
    CHECK(session.rewindable() == 0);
    session.prefill(prompt(3));
    CHECK(session.rewindable() == 3);
    session.rewind_to(0);
    CHECK(session.state() == model.start_state());
    CHECK_THAT(refusal([&] { (void)session.logits(); }), Contains("expected a prefilled prompt"));
    session.prefill(prompt(100));
    CHECK(session.rewindable() == 4);
    const auto before = session.state();
    CHECK_THAT(refusal([&] { session.rewind_to(95); }),
               Contains("position: found 95, expected 96 to 100; make the session"));
    CHECK_THAT(refusal([&] { session.rewind_to(101); }), Contains("found 101, expected 96 to 100"));
    CHECK_THAT(refusal([&] { session.rewind_to(-1); }), Contains("found -1"));
    CHECK(session.state() == before);

    ssm::session plain{model};
    plain.prefill(prompt(3));
    plain.rewind_to(3);
    CHECK_THAT(refusal([&] { plain.rewind_to(2); }), Contains("found 2, expected 3 to 3"));
    CHECK_THAT(refusal([&] { ssm::session none(model, ssm::session_options{.rewind = -1}); }),
               Contains("rewind: found -1"));
    CHECK_THAT(refusal([] { ssm::session none(ssm::test::counting_model(9), ssm::session_options{.rewind = 2}); }),
               Contains("the model's mixer does not satisfy `replays`"));
}

TEST_CASE("A history is smaller than the snapshots it stands for, and is part of the plan") {
    using counted = ssm::falcon_mamba<ssm::test::counted_cpu>;
    const ssm::test::counted_cpu device;
    ssm::model_config config = ssm::test::small_config();
    config.state = 16;
    const auto plan = ssm::plan<counted>(config, device, {.matrices = ssm::dtype::f32, .rewind = 20});
    const auto model = ssm::load<counted>(ssm::test::random_weights(config), device);
    ssm::test::counted_bytes = {};
    ssm::session session(model, ssm::session_options{.rewind = 20});
    CHECK(ssm::test::counted_bytes.now == plan.state + plan.logits + plan.history);
    const double a_token = static_cast<double>(counted::trace_bytes(config, 100)) / 100;
    CHECK(static_cast<double>(plan.state) / a_token > 5.5);  // 6.3 for wide models

    session.prefill(prompt(60));
    const auto before = ssm::test::counted_bytes;
    for (int i = 0; i < 100; ++i) {
        (void)session.next(ssm::sampler({.temperature = 0}));
        if (i % 7 == 0) session.rewind_to(session.position() - 3);
    }
    CHECK(ssm::test::counted_bytes.times == before.times);
}

}  // namespace rewind_test
