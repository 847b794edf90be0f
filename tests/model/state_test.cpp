// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/backend/cpu/cpu.hpp>
#include <ssm/ssm.hpp>

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/random_weights.hpp"
#include "support/stock_models.hpp"

namespace state_test {

namespace {

using ssm::token_id;
using falcon = ssm::falcon_mamba<ssm::cpu>;
using tokens = std::vector<token_id>;

struct ring_arch : ssm::falcon_mamba_arch {
    using conv_state = ssm::ring_window;
};

/// The state of a model after some tokens.
template <class Model>
typename Model::state_type after(const Model& model, const tokens& ids) {
    auto state = model.start_state();
    auto scratch = model.make_workspace(static_cast<ssm::index>(ids.size()));
    model.forward(ids, state, scratch, {});
    return state;
}

}  // namespace

TEST_CASE("A state is a value of constant size") {
    const ssm::test::random_weights weights(ssm::test::small_config());
    const ssm::cpu device;
    const auto model = ssm::load<falcon>(weights, device);
    auto scratch = model.make_workspace(8);
    auto state = model.start_state();
    CHECK(state == model.start_state());
    CHECK(state.bytes() == 2 * (3 + 13) * 77 * 4);

    const tokens ids{1, 2, 3};
    model.forward(ids, state, scratch, {});
    auto fork = state;
    CHECK(fork == state);
    model.forward(ids, fork, scratch, {});
    CHECK(fork != state);
    CHECK(state.position() == 3);
    CHECK(fork.position() == 6);
    CHECK(fork.bytes() == state.bytes());
}

TEST_CASE("A state knows which tokens it has read, unless only the device did") {
    const ssm::test::random_weights weights(ssm::test::small_config());
    const ssm::cpu device;
    const auto model = ssm::load<falcon>(weights, device);
    const tokens ids{1, 2, 3};
    auto state = after(model, ids);
    CHECK(state.read().are(ids));
    CHECK_FALSE(state.read().are(tokens{1, 2}));
    CHECK_FALSE(state.read().are(tokens{1, 3, 2}));
    CHECK(state.read().digest() != after(model, {1, 2, 4}).read().digest());
    CHECK(model.start_state().read().are({}));

    auto scratch = model.make_workspace(4);
    model.forward(ssm::vector_view<const token_id>(ids.data(), 3), state, scratch, {});
    CHECK(state.position() == 6);
    CHECK_FALSE(state.read().digest());
    CHECK_FALSE(state.read().are(tokens{1, 2, 3, 1, 2, 3}));

    auto two = model.start_state(2);
    model.forward(tokens{4, 5, 6, 7}, two, scratch, {});
    CHECK(two.read(0).are(tokens{4, 5}));
    CHECK(two.read(1).are(tokens{6, 7}));
}

TEMPLATE_TEST_CASE("A sequence can be taken out as floats, put back, and copied between states", "",
                   ssm::falcon_mamba_arch, ring_arch) {
    using model_type = ssm::model<ssm::cpu, TestType>;
    const ssm::test::random_weights weights(ssm::test::small_config());
    const ssm::cpu device;
    const auto model = ssm::load<model_type>(weights, device);
    for (const tokens& ids : {tokens{1}, tokens{1, 2}, tokens{1, 2, 3, 4}, tokens{9, 8, 7, 6, 5}}) {
        const auto state = after(model, ids);
        const auto values = state.values(device);
        CHECK((typename model_type::state_type(device, state.shape(), state.read(), values) == state));
        // Whatever the conv-state policy, the floats are in one order.
        CHECK(values == after(ssm::load<falcon>(weights, device), ids).values(device));

        auto three = model.start_state(3);
        three.copy_sequence(device, 1, state, 0);
        CHECK(three.position(0) == 0);
        CHECK(three.read(1) == state.read());
        auto out = model.start_state();
        out.copy_sequence(device, 0, three, 1);
        CHECK(out.values(device) == values);
        out.copy_sequence(device, 0, three, 2);
        CHECK(out == model.start_state());
    }
}

TEST_CASE("Some sequences of a state can be run without the others") {
    const ssm::test::random_weights weights(ssm::test::small_config());
    const ssm::cpu device;
    const auto model = ssm::load<falcon>(weights, device);
    auto scratch = model.make_workspace(8);
    auto four = model.start_state(4);
    model.forward(tokens{1, 2, 3, 4}, ssm::state_range(four, 1, 2), scratch, {});
    CHECK(four.position(0) == 0);
    CHECK(four.position(3) == 0);
    auto alone = model.start_state();
    for (const ssm::index s : {0, 3}) {
        alone.copy_sequence(device, 0, four, s);
        CHECK(alone == model.start_state());
    }
    alone.copy_sequence(device, 0, four, 1);
    CHECK(alone == after(model, {1, 2}));
    alone.copy_sequence(device, 0, four, 2);
    CHECK(alone == after(model, {3, 4}));
}

TEST_CASE("A token of some sequences and a chunk of another are read in one pass, as each alone") {
    const ssm::test::random_weights weights(ssm::test::small_config());
    const ssm::cpu device;
    const auto model = ssm::load<falcon>(weights, device);
    auto scratch = model.make_workspace(16);
    auto four = model.start_state(4);
    model.forward(tokens{1, 2, 3, 4}, ssm::state_range(four, 0, 2), scratch, {});  // two of each
    std::vector<float> logits(3 * 51), expected(51);
    const ssm::matrix_view<float> rows(logits.data(), 3, 51), row(expected.data(), 1, 51);
    const tokens ids{5, 6, 7, 8, 9, 10, 11};
    model.forward(ids, ssm::state_range(four, 0, 2), ssm::state_range(four, 3, 1), scratch, rows);
    auto alone = model.start_state();
    for (const auto& [s, read] : {std::pair{0, tokens{1, 2, 5}}, std::pair{1, tokens{3, 4, 6}}, std::pair{2, tokens{}},
                                  std::pair{3, tokens{7, 8, 9, 10, 11}}}) {
        CAPTURE(s);
        alone.copy_sequence(device, 0, four, s);
        auto state = model.start_state();
        if (!read.empty()) model.forward(read, state, scratch, row);
        CHECK(alone == state);
        const auto at = logits.begin() + 51 * (s == 3 ? 2 : s);
        if (s != 2) CHECK(std::equal(expected.begin(), expected.end(), at));
    }

    // A chunk that does not end its prompt needs no logits.
    auto before = four;
    model.forward(ids, ssm::state_range(four, 0, 2), ssm::state_range(four, 3, 1), scratch, rows.rows(0, 2));
    model.forward(ids, ssm::state_range(before, 0, 2), ssm::state_range(before, 3, 1), scratch, rows);
    CHECK(before == four);

    using Catch::Contains;
    const auto read = [&](const tokens& some, ssm::index first, ssm::index count, ssm::matrix_view<float> to) {
        model.forward(some, ssm::state_range(four, 0, 2), ssm::state_range(four, first, count), scratch, to);
    };
    CHECK_THROWS_WITH(read({1, 2}, 3, 1, rows),
                      Contains("ids: found 2 tokens, expected one of each of 2 sequences, and"));
    CHECK_THROWS_WITH(read({1, 2, 3}, 2, 2, rows), Contains("ids: found 3 tokens"));
    CHECK_THROWS_WITH(read({1, 2, 3}, 1, 1, rows), Contains("state: found a sequence in both ranges"));
    CHECK_THROWS_WITH(read({1, 2, 3}, 3, 1, rows.rows(0, 1)),
                      Contains("logits: found (1, 51), expected (rows, 51) with 2 rows or one more"));
    CHECK_THROWS_WITH(read({1, 2, 51}, 3, 1, rows), Contains("token 51 at position 2"));
    CHECK_THROWS_WITH(read(tokens(17), 3, 1, rows), Contains("found 17 tokens, expected at most the workspace's 16"));
    CHECK(before == four);
}

TEST_CASE("A position counts past 2^31 and is refused where it would wrap") {
    const ssm::test::random_weights weights(ssm::test::small_config());
    const ssm::cpu device;
    const auto ring = ssm::load<ssm::model<ssm::cpu, ring_arch>>(weights, device);
    auto scratch = ring.make_workspace(4);
    const auto near = [&](ssm::index position) {
        const auto start = after(ring, {1, 2, 3});
        return decltype(start)(device, start.shape(), ssm::tokens_read(position, 7), start.values(device));
    };
    constexpr ssm::index end = std::numeric_limits<ssm::index>::max();
    std::vector<float> expected(51), logits(51);
    const ssm::matrix_view<float> expected_row(expected.data(), 1, 51), row(logits.data(), 1, 51);
    auto small = near(3);
    ring.forward(tokens{4, 5}, small, scratch, expected_row);
    for (const ssm::index position : {(ssm::index{1} << 31) - 1, (ssm::index{1} << 32) - 1, end - 2}) {
        auto state = near(position);
        ring.forward(tokens{4, 5}, state, scratch, row);
        CHECK(state.position() == position + 2);
        CHECK(logits == expected);
        CHECK(state.values(device) == small.values(device));
    }
    auto last = near(end - 1);
    const auto before = last;
    CHECK_THROWS_WITH(ring.forward(tokens{4, 5}, last, scratch, row),
                      Catch::Contains("state: found position 9223372036854775806") && Catch::Contains("2 more tokens"));
    CHECK(last == before);
    CHECK_NOTHROW(ring.forward(tokens{4}, last, scratch, row));
    CHECK_THROWS_AS(ring.forward(tokens{4}, last, scratch, row), ssm::argument_error);
}

TEST_CASE("Sequences and values that are not there are refused") {
    const ssm::cpu device;
    ssm::model_config config = ssm::test::small_config();
    const auto model = ssm::load<falcon>(ssm::test::random_weights(config), device);
    config.state = 12;
    const auto other = ssm::load<falcon>(ssm::test::random_weights(config), device);
    auto two = model.start_state(2);
    const auto one = model.start_state();
    using Catch::Contains;
    CHECK_THROWS_WITH(two.values(device), Contains("found 2 sequences, expected one"));
    CHECK_THROWS_WITH(two.copy_sequence(device, 2, one, 0),
                      Contains("sequences: found 2 to 2, expected some of 0 to 1"));
    CHECK_THROWS_WITH(two.copy_sequence(device, 0, one, -1), Contains("found -1 to -1"));
    CHECK_THROWS_WITH(two.copy_sequence(device, 0, other.start_state(), 0), Contains("one of another shape"));
    CHECK_THROWS_AS(ssm::state_range(two, 0, 3), ssm::argument_error);
    CHECK_THROWS_AS(ssm::state_range(two, 1, 0), ssm::argument_error);
    CHECK_THROWS_WITH((falcon::state_type(device, one.shape(), {}, std::vector<float>(7))),
                      Contains("values: found 7, expected 2464"));
    CHECK(two == model.start_state(2));
}

}  // namespace state_test
