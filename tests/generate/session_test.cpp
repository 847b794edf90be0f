// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/generate/session.hpp>

#include <string>
#include <vector>

#include "generate/counting_model.hpp"
#include "support/catch.hpp"
#include "support/refusal.hpp"

namespace session_test {

namespace {

using Catch::Contains;
using ssm::token_id;
using ssm::test::counting_model;
using ssm::test::refusal;
using calls = std::vector<counting_model::call>;
using tokens = std::vector<token_id>;

token_id largest(std::span<const float> logits) {
    return static_cast<token_id>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

struct fixed_chunk {
    ssm::index count;
    ssm::index next_chunk(ssm::index) const { return count; }
};

}  // namespace

static_assert(ssm::language_model<counting_model>);
static_assert(!ssm::language_model<int>);
static_assert(!ssm::token_chooser<int>);

TEST_CASE("A prompt goes through in the chunks of the policy, with logits for its last token only") {
    const counting_model model(50);
    ssm::session sequence{model};
    sequence.prefill(tokens{5, 6, 7, 8, 9, 10, 11}, ssm::in_chunks{3});
    CHECK(*model.calls == calls{{3, 0}, {3, 0}, {1, 1}});
    CHECK(sequence.position() == 7);
    CHECK(largest(sequence.logits()) == 12);
    CHECK(sequence.scratch_bytes() == 300);

    model.calls->clear();
    sequence.prefill(tokens{1, 2}, ssm::token_by_token{});
    sequence.prefill(tokens{3, 4}, ssm::whole_prompt{});
    sequence.prefill(tokens{20, 21});  // the arch's own policy
    CHECK(*model.calls == calls{{1, 0}, {1, 1}, {2, 1}, {2, 1}});
    CHECK(sequence.scratch_bytes() == 300);
    CHECK(sequence.state().read == tokens{5, 6, 7, 8, 9, 10, 11, 1, 2, 3, 4, 20, 21});
}

TEST_CASE("A chosen token runs when the next one is asked for, and not before") {
    const counting_model model(50);
    ssm::session sequence{model};
    sequence.prefill(tokens{5});
    CHECK(sequence.next(largest) == 6);
    CHECK(model.calls->size() == 1);
    CHECK(sequence.pending() == 6);
    CHECK(sequence.position() == 1);
    CHECK(sequence.next(largest) == 7);
    CHECK(model.calls->size() == 2);
    CHECK(sequence.position() == 2);

    sequence.prefill(tokens{30, 31});  // after the pending 7
    CHECK(sequence.state().read == tokens{5, 6, 7, 30, 31});
    CHECK_FALSE(sequence.pending());
    CHECK(sequence.next(largest) == 32);
    CHECK(largest(sequence.logits()) == 33);
    CHECK_FALSE(sequence.pending());
}

TEST_CASE("A copy of a session goes its own way, and a state can be gone on from") {
    const counting_model model(50);
    ssm::session sequence{model};
    sequence.prefill(tokens{5, 6});
    auto fork = sequence;
    CHECK(fork.next([](auto) { return 40; }) == 40);
    CHECK(fork.next(largest) == 41);
    CHECK(sequence.next(largest) == 7);
    CHECK(sequence.position() == 2);

    ssm::session resumed{model, fork.state()};
    CHECK_THAT(refusal([&] { (void)resumed.next(largest); }), Contains("expected a prefilled prompt"));
    resumed.prefill(tokens{*fork.pending()});
    CHECK(resumed.state().read == tokens{5, 6, 40, 41});
}

TEST_CASE("A prefill reports its progress and can be cancelled between chunks") {
    const counting_model model(50);
    ssm::session sequence{model};
    std::vector<ssm::index> done;
    const auto all = [&](ssm::index count, ssm::index total) {
        CHECK(total == 5);
        done.push_back(count);
        return true;
    };
    const tokens ids{1, 2, 3, 4, 5};
    sequence.prefill(ids, ssm::in_chunks{2}, all);
    CHECK(done == std::vector<ssm::index>{2, 4, 5});

    const auto two = [](ssm::index count, ssm::index) { return count < 2; };
    ssm::session stopped{model};
    CHECK_THROWS_AS(stopped.prefill(ids, ssm::in_chunks{2}, two), ssm::cancelled);
    CHECK(stopped.position() == 2);
    CHECK_THAT(refusal([&] { (void)stopped.logits(); }), Contains("expected a prefilled prompt"));
    stopped.prefill(std::span(ids).subspan(2));
    CHECK(stopped.state() == sequence.state());
    CHECK(stopped.next(largest) == 6);

    // There is nothing left to cancel after the last chunk.
    CHECK_NOTHROW(stopped.prefill(ids, ssm::whole_prompt{}, two));
}

TEST_CASE("A session refuses what it cannot run and stays as it was") {
    const counting_model model(50);
    ssm::session sequence{model};
    CHECK_THAT(refusal([&] { (void)sequence.next(largest); }), Contains("begin an empty prompt with"));
    CHECK_THAT(refusal([&] { sequence.prefill({}); }), Contains("ids: found none, expected at least one token"));

    sequence.prefill(tokens{1, 2});
    (void)sequence.next(largest);
    const auto before = sequence.state();
    CHECK_THAT(refusal([&] {
                   sequence.prefill(tokens{4, 5, 50}, ssm::token_by_token{});
               }),
               Contains("token 50 at position 2, expected 0 to 49"));
    CHECK_THAT(refusal([&] { sequence.prefill(tokens{-1}); }), Contains("token -1 at position 0"));
    CHECK(sequence.state() == before);
    CHECK(sequence.pending() == 3);
    CHECK_THAT(refusal([&] { (void)sequence.next([](auto) { return 50; }); }), Contains("token 50"));
    CHECK_FALSE(sequence.pending());
    CHECK(sequence.next(largest) == 4);

    for (const ssm::index count : {0, -1, 4, 100})
        CHECK_THAT(refusal([&] {
                       sequence.prefill(tokens{7, 8, 9}, fixed_chunk{count});
                   }),
                   Contains("next_chunk(3): found " + std::to_string(count) + ", expected 1 to 3"));
}

}  // namespace session_test
