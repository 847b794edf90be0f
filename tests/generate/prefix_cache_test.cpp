// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/backend/cpu/cpu.hpp>
#include <ssm/generate/prefix_cache.hpp>
#include <ssm/generate/sampler.hpp>
#include <ssm/ssm.hpp>

#include <algorithm>
#include <initializer_list>
#include <random>
#include <vector>

#include "support/catch.hpp"
#include "support/random_weights.hpp"
#include "support/stock_models.hpp"

namespace prefix_cache_test {

namespace {

using Catch::Contains;
using ssm::token_id;
using falcon = ssm::falcon_mamba<ssm::cpu>;
using tokens = std::vector<token_id>;

const falcon& model() {
    static const ssm::cpu device;
    static const falcon loaded = ssm::load<falcon>(ssm::test::random_weights(ssm::test::small_config()), device);
    return loaded;
}

ssm::session<falcon> read(const tokens& ids) {
    ssm::session session{model()};
    session.prefill(ids);
    return session;
}

/// What the cache takes for a prompt of so many tokens.
ssm::index bytes_of(ssm::index length) { return model().start_state().bytes() + 51 * 4 + length * 4; }

}  // namespace

TEST_CASE("A prompt goes on from the longest beginning that was read before, to the same bits") {
    ssm::prefix_cache<falcon> cache(model(), bytes_of(100) * 100);
    const auto check = [&](const tokens& prompt, ssm::index reused) {
        CAPTURE(prompt);
        CHECK(cache.stored_prefix(prompt) == reused);
        auto started = cache.start(prompt, ssm::in_chunks{3});
        CHECK(started.reused == reused);
        auto alone = read(prompt);
        CHECK(started.session.state() == alone.state());
        CHECK(std::ranges::equal(started.session.logits(), alone.logits()));
    };
    check({1, 2, 3}, 0);
    check({1, 2, 3}, 3);
    check({1, 2, 3, 4, 5}, 3);
    check({1, 2, 3, 4}, 3);
    check({1, 2, 3, 4, 5, 6, 7}, 5);
    check({1, 2}, 0);
    check({1, 2, 4, 5}, 2);
    check({2, 1, 3}, 0);
    CHECK(cache.size() == 7);
    CHECK(cache.record().hits == 5);
    CHECK(cache.record().misses == 3);
    CHECK(cache.record().reused == 3 + 3 + 3 + 5 + 2);
}

TEST_CASE("Every prompt of a crowd is found at the token where it leaves the others") {
    ssm::prefix_cache<falcon> cache(model(), bytes_of(40) * 1000);
    std::mt19937 random(3);
    std::vector<tokens> stored;
    for (int i = 0; i < 200; ++i) {
        tokens prompt(1 + random() % 12);
        for (token_id& id : prompt) id = static_cast<token_id>(random() % 3);
        ssm::index expected = 0;
        for (const tokens& other : stored)
            if (other.size() <= prompt.size() && std::equal(other.begin(), other.end(), prompt.begin()))
                expected = std::max(expected, static_cast<ssm::index>(other.size()));
        const auto started = cache.start(prompt);
        REQUIRE(started.reused == expected);
        REQUIRE(started.session.state().read().are(prompt));
        stored.push_back(prompt);
    }
}

TEST_CASE("A conversation is stored with what was said in it") {
    ssm::prefix_cache<falcon> cache(model(), bytes_of(100) * 10);
    auto [session, none] = cache.start(tokens{1, 2, 3});
    tokens said{1, 2, 3};
    ssm::sampler choose({.seed = 2});
    for (int i = 0; i < 6; ++i) said.push_back(session.next(choose));
    const tokens covered(said.begin(), said.end() - 1);  // the last one is pending
    CHECK(cache.put(covered, session.snapshot()));
    CHECK(cache.stored_prefix(covered) == 3);  // the snapshot has no logits to choose from
    said.push_back(7);
    const auto next = cache.start(said);
    CHECK(next.reused == 8);
    CHECK(next.session.state() == read(said).state());
}

TEST_CASE("What was used longest ago goes first, and a budget holds") {
    const ssm::index budget = bytes_of(3) * 3;
    ssm::prefix_cache<falcon> cache(model(), budget);
    const tokens a{1, 2, 3}, b{4, 5, 6}, c{7, 8, 9}, d{10, 11, 12};
    for (const tokens& prompt : {a, b, c}) (void)cache.start(prompt);
    CHECK(cache.bytes() == budget);
    CHECK(cache.record().evicted == 0);
    CHECK(cache.start(a).reused == 3);  // b is the oldest now
    (void)cache.start(d);
    CHECK(cache.bytes() == budget);
    CHECK(cache.record().evicted == 1);
    CHECK(cache.stored_prefix(b) == 0);
    for (const tokens& prompt : {a, c, d}) CHECK(cache.stored_prefix(prompt) == 3);

    CHECK(cache.put(a, read(a).snapshot()));  // again, in its own place
    CHECK(cache.size() == 3);
    CHECK(cache.bytes() == budget);
    (void)cache.start(tokens{4, 5, 6, 7});  // a token too long for one place
    CHECK(cache.size() == 2);
    CHECK(cache.bytes() <= budget);
    cache.clear();
    CHECK(cache.bytes() == 0);
    CHECK(cache.stored_prefix(a) == 0);

    ssm::prefix_cache<falcon> nothing(model(), bytes_of(3) - 1);
    CHECK_FALSE(nothing.put(a, read(a).snapshot()));
    CHECK(nothing.start(a).reused == 0);
    CHECK(nothing.start(a).reused == 0);
    CHECK(nothing.record().misses == 2);
}

TEST_CASE("A snapshot is stored under the ids it has read or not at all") {
    ssm::prefix_cache<falcon> cache(model(), bytes_of(3) * 3);
    const auto snapshot = read({1, 2, 3}).snapshot();
    for (const tokens& ids : std::initializer_list<tokens>{{}, {1, 2}, {1, 2, 4}, {1, 2, 3, 4}})
        CHECK_THROWS_WITH(
            cache.put(ids, snapshot),
            Contains("found one of 3 tokens, expected one that has read these " + std::to_string(ids.size()) + " ids"));
    CHECK_THROWS_AS((ssm::prefix_cache<falcon>(model(), -1)), ssm::argument_error);
    CHECK_THROWS_AS(cache.start(tokens{}), ssm::argument_error);
    CHECK_THROWS_AS(cache.start(tokens{51}), ssm::argument_error);
    CHECK(cache.size() == 0);
    CHECK(cache.record().misses == 0);
}

}  // namespace prefix_cache_test
