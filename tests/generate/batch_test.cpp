// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/backend/cpu/cpu.hpp>
#include <ssm/generate/batch.hpp>
#include <ssm/generate/sampler.hpp>
#include <ssm/ssm.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <stdexcept>
#include <vector>

#include "support/catch.hpp"
#include "support/random_tokens.hpp"
#include "support/random_weights.hpp"
#include "support/refusal.hpp"
#include "support/stock_models.hpp"

namespace batch_test {

namespace {

using Catch::Contains;
using ssm::token_id;
using ssm::test::refusal;
using falcon = ssm::falcon_mamba<ssm::cpu>;
using tokens = std::vector<token_id>;

const ssm::cpu& device() {
    static const ssm::cpu two{{.threads = 2}};
    return two;
}
const falcon& model() {
    static const falcon loaded = ssm::load<falcon>(ssm::test::random_weights(ssm::test::small_config()), device());
    return loaded;
}

tokens prompt(ssm::index length, unsigned seed) { return ssm::test::random_tokens(length, 51, seed); }

/// All that can be seen of a sequence: what it chose, and from which logits.
struct story {
    tokens ids;
    std::vector<std::vector<float>> logits;
    friend bool operator==(const story&, const story&) = default;
};

/// Chooses as a sampler of this seed does, and keeps a record.
struct recorder {
    explicit recorder(std::uint64_t seed) : choose({.temperature = 0.9, .seed = seed}) {}
    token_id operator()(std::span<const float> logits) {
        told.logits.emplace_back(logits.begin(), logits.end());
        told.ids.push_back(choose(logits));
        return told.ids.back();
    }
    ssm::sampler choose;
    story told;
};

story alone(const tokens& ids, std::size_t length, std::uint64_t seed) {
    ssm::session sequence{model()};
    recorder choose(seed);
    sequence.prefill(ids);
    while (choose.told.ids.size() < length) (void)sequence.next(choose);
    return choose.told;
}

}  // namespace

TEST_CASE("Each sequence of a batch gets the bits it gets alone, whoever comes and goes") {
    for (const ssm::index capacity : {1, 2, 3, 8, 64}) {
        CAPTURE(capacity);
        ssm::batch batch(model(), capacity, ssm::in_chunks{5});
        std::mt19937 random(static_cast<unsigned>(capacity));
        std::map<ssm::index, recorder> choosers;
        std::map<ssm::index, std::size_t> lengths;
        std::map<ssm::index, tokens> prompts;
        const ssm::index sequences = std::min<ssm::index>(2 * capacity + 3, 70);
        ssm::index joined = 0, ended = 0;
        for (int step = 0; ended < sequences; ++step) {
            REQUIRE(step < 2000);
            while (joined < sequences && random() % 3 != 0) {
                const auto ids = prompt(static_cast<ssm::index>(1 + random() % 17), static_cast<unsigned>(joined));
                const auto row = batch.join(ids);
                CHECK(row == joined);
                choosers.emplace(row, static_cast<std::uint64_t>(row));
                prompts[row] = ids;
                lengths[row] = 1 + random() % 9;
                ++joined;
            }
            batch.step();
            for (const auto row : batch.ready()) {
                if (random() % 5 == 0) continue;  // its caller is busy
                (void)batch.next(row, choosers.at(row));
                if (choosers.at(row).told.ids.size() < lengths[row]) continue;
                CHECK(choosers.at(row).told == alone(prompts[row], lengths[row], static_cast<std::uint64_t>(row)));
                batch.remove(row);
                ++ended;
            }
            CHECK(batch.size() == joined - ended);
        }
        CHECK(batch.size() == 0);
    }
}

namespace {

/// Counts its passes over the weights.
struct counted_passes : falcon {
    void forward(std::span<const token_id> ids, range_type memory, workspace_type& scratch,
                 ssm::matrix_view<float> logits) const {
        ++*passes;
        falcon::forward(ids, memory, scratch, logits);
    }
    void forward(std::span<const token_id> ids, range_type steps, range_type chunk, workspace_type& scratch,
                 ssm::matrix_view<float> logits) const {
        ++*passes;
        falcon::forward(ids, steps, chunk, scratch, logits);
    }
    std::shared_ptr<int> passes = std::make_shared<int>(0);
};

}  // namespace

TEST_CASE("A chunk of a prompt shares the pass of the others' tokens") {
    const counted_passes counted{model()};
    ssm::batch batch(counted, 5, ssm::in_chunks{4});
    std::vector<ssm::index> rows;
    for (int i = 0; i < 4; ++i) rows.push_back(batch.join(prompt(1, 1)));
    const auto passes_of_step = [&] {
        *counted.passes = 0;
        batch.step();
        return *counted.passes;
    };
    const auto choose = [&](ssm::index row) { (void)batch.next(row, [](auto) { return 7; }); };
    for (int i = 0; i < 4; ++i) CHECK(passes_of_step() == 1);  // a prompt each
    for (const auto row : rows) choose(row);
    (void)batch.join(prompt(20, 2));
    CHECK(passes_of_step() == 1);  // four tokens and a chunk
    for (const auto row : {0, 1, 3}) choose(row);
    CHECK(passes_of_step() == 2);  // the third waits, and parts the first two from the chunk
    choose(2);
    CHECK(passes_of_step() == 1);
    CHECK(passes_of_step() == 1);  // the chunk alone
    for (const auto row : rows) choose(row);
    CHECK(passes_of_step() == 1);  // its last one
    CHECK(batch.ready().size() == 5);
}

TEST_CASE("Sequences move between sessions and batches") {
    ssm::session session{model()};
    session.prefill(prompt(9, 1));
    recorder first(4);
    (void)session.next(first);
    const story expected = alone(prompt(9, 1), 9, 4);

    ssm::batch batch(model(), 3, ssm::in_chunks{4});
    const auto other = batch.join(prompt(30, 2));  // is being read all the while
    const auto row = batch.join(session.snapshot());
    for (int i = 0; i < 4; ++i) {
        batch.step();
        REQUIRE(batch.ready() == std::vector<ssm::index>{row});
        (void)batch.next(row, first);
    }
    CHECK(batch.position(other) == 16);
    ssm::batch second(model(), 1);
    const auto moved = second.join(batch.snapshot_of(row));
    batch.remove(row);
    CHECK(batch.position(other) == 16);
    second.step();
    (void)second.next(moved, first);
    second.step();
    ssm::session back{model(), second.snapshot_of(moved)};
    while (first.told.ids.size() < 9) (void)back.next(first);
    CHECK(first.told == expected);

    // The one that was read beside it all.
    recorder beside(5);
    do batch.step();
    while (batch.ready().empty());
    (void)batch.next(other, beside);
    CHECK(beside.told == alone(prompt(30, 2), 1, 5));
}

TEST_CASE("A snapshot goes on with more text, after its pending token") {
    ssm::session session{model()};
    session.prefill(prompt(9, 1));
    recorder choose(4);
    (void)session.next(choose);
    ssm::batch batch(model(), 2, ssm::in_chunks{4});
    const auto row = batch.join(session.snapshot(), prompt(6, 8));
    CHECK(batch.position(row) == 9);
    CHECK(batch.snapshot_of(row).state == session.state());
    for (int i = 0; i < 2; ++i) batch.step();
    session.prefill(prompt(6, 8));
    REQUIRE(batch.ready() == std::vector<ssm::index>{row});
    CHECK(std::ranges::equal(batch.logits(row), session.logits()));
    CHECK(batch.snapshot_of(row).state == session.state());
}

TEST_CASE("A chooser that throws disturbs nobody") {
    ssm::batch batch(model(), 2);
    const auto a = batch.join(prompt(3, 1));
    const auto b = batch.join(prompt(4, 2));
    recorder choose_a(1), choose_b(2);
    for (int i = 0; i < 2; ++i) batch.step();
    for (int i = 0; i < 6; ++i) {
        CHECK_THROWS_AS(batch.next(a, [](auto) -> token_id { throw std::runtime_error("no"); }), std::runtime_error);
        CHECK_THROWS_AS(batch.next(a, [](auto) { return 51; }), ssm::argument_error);
        (void)batch.next(b, choose_b);
        (void)batch.next(a, choose_a);
        batch.step();
    }
    CHECK(choose_a.told == alone(prompt(3, 1), 6, 1));
    CHECK(choose_b.told == alone(prompt(4, 2), 6, 2));
}

TEST_CASE("A batch refuses what it cannot run and stays as it was") {
    CHECK_THAT(refusal([] { ssm::batch batch(model(), 0); }), Contains("capacity: found 0, expected at least 1"));
    CHECK_THAT(refusal([] { ssm::batch batch(model(), 1, ssm::in_chunks{0}); }), Contains("chunk: found 0"));
    ssm::batch batch(model(), 2);
    CHECK_THAT(refusal([&] { (void)batch.join(tokens{}); }), Contains("ids: found none"));
    CHECK_THAT(refusal([&] { (void)batch.join(tokens{1, 51}); }), Contains("token 51 at position 1, expected 0 to 50"));
    CHECK_THAT(refusal([&] { (void)batch.join(ssm::snapshot<falcon>{model().start_state()}); }),
               Contains("neither logits nor a pending token"));
    CHECK_THAT(refusal([&] {
                   (void)batch.join({model().start_state(), std::vector<float>(50)});
               }),
               Contains("found 50 logits, expected 51"));
    CHECK_THAT(refusal([&] {
                   (void)batch.join({model().start_state(2), {}, 3});
               }),
               Contains("one sequence of this model"));
    CHECK(batch.size() == 0);
    const auto row = batch.join(tokens{1});
    CHECK_THAT(refusal([&] { (void)batch.logits(row); }), Contains("row: found 0, expected one of ready()"));
    batch.step();
    (void)batch.next(row, [](auto) { return 3; });
    CHECK_THAT(refusal([&] { (void)batch.next(row, [](auto) { return 3; }); }), Contains("call step() first"));
    batch.remove(row);
    CHECK_THAT(refusal([&] { batch.remove(row); }), Contains("row: found 0, expected one in the batch"));
    CHECK_THAT(refusal([&] { (void)batch.snapshot_of(9); }), Contains("row: found 9"));
    CHECK_THAT(refusal([&] { (void)batch.position(9); }), Contains("row: found 9"));
    batch.step();
    CHECK(batch.ready().empty());
}

}  // namespace batch_test
