// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/generate/generate.hpp>

#include <string>
#include <utility>
#include <vector>

#include "generate/counting_model.hpp"
#include "support/catch.hpp"

namespace generate_test {

namespace {

using Catch::Contains;
using ssm::generation_options;
using ssm::stop_reason;
using ssm::token_id;
using ssm::test::counting_model;
using tokens = std::vector<token_id>;

/// Token i is the i-th letter; a capital is held back until the next token, as part of a character would be.
class letters {
public:
    std::string push(token_id id) {
        std::string text = finish();
        const char letter = static_cast<char>(id < 26 ? 'a' + id : 'A' + id - 26);
        (id < 26 ? text : held_) += letter;
        return text;
    }
    std::string finish() { return std::exchange(held_, {}); }

private:
    std::string held_;
};

/// Goes on from "ab" by counting, greedily.
ssm::generation run(generation_options options, const ssm::text_callback& on_text = nullptr) {
    options.sampling.temperature = 0;
    ssm::session sequence{counting_model(52)};
    return ssm::generate(sequence, letters(), tokens{0, 1}, options, on_text);
}

}  // namespace

static_assert(ssm::token_decoder<letters> && !ssm::token_decoder<counting_model>);

TEST_CASE("Generation ends at the length asked for") {
    const auto result = run({.tokens = 5});
    CHECK(result.reason == stop_reason::length);
    CHECK(result.text == "cdefg");
    CHECK(result.ids == tokens{2, 3, 4, 5, 6});
    CHECK(result.prefill_seconds >= 0);
    CHECK(result.decode_seconds >= 0);
    CHECK(run({.tokens = 27}).text == "cdefghijklmnopqrstuvwxyzABC");  // the last one comes out of the decoder's end
}

TEST_CASE("Generation ends at any end-of-text token, which is no text") {
    const auto result = run({.stop_ids = {40, 6, 9}});
    CHECK(result.reason == stop_reason::eos);
    CHECK(result.text == "cdef");
    CHECK(result.ids == tokens{2, 3, 4, 5, 6});
}

TEST_CASE("Generation ends at any stop string, which is never given out") {
    std::string streamed;
    const auto result = run({.stop_strings = {"xyz", "ghi"}}, [&](std::string_view piece) {
        streamed += piece;
        return true;
    });
    CHECK(result.reason == stop_reason::stop_string);
    CHECK(result.text == "cdef");
    CHECK(streamed == "cdef");
    CHECK(result.ids.size() == 7);
}

TEST_CASE("Text held back for a stop string that does not come is given out in the end") {
    std::string streamed;
    const auto keep = [&](std::string_view piece) {
        streamed += piece;
        return true;
    };
    CHECK(run({.tokens = 4, .stop_strings = {"efg"}}, keep).text == "cdef");
    CHECK(streamed == "cdef");
    streamed.clear();
    CHECK(run({.stop_ids = {6}, .stop_strings = {"efz"}}, keep).text == "cdef");
    CHECK(streamed == "cdef");
}

TEST_CASE("The callback hears of every token and can stop") {
    std::vector<std::string> pieces;
    const auto result = run({.stop_strings = {"efz"}}, [&](std::string_view piece) {
        pieces.emplace_back(piece);
        return pieces.size() < 3;
    });
    CHECK(result.reason == stop_reason::callback);
    CHECK(pieces == std::vector<std::string>{"c", "d", ""});
    CHECK(result.text == "cde");
    CHECK(result.ids == tokens{2, 3, 4});
}

TEST_CASE("A conversation goes on where it was, the last token included") {
    ssm::session sequence{counting_model(52)};
    const generation_options options{.tokens = 2, .sampling = {.temperature = 0}};
    CHECK(ssm::generate(sequence, letters(), tokens{0, 1}, options).text == "cd");
    CHECK(ssm::generate(sequence, letters(), tokens{10}, options).text == "lm");
    CHECK(sequence.state().read == tokens{0, 1, 2, 3, 10, 11});
}

TEST_CASE("The prompt counts as seen for the repetition penalty") {
    const auto first = [](double penalty) {
        ssm::session sequence{counting_model(52)};
        const generation_options options{.tokens = 1, .sampling = {.repetition_penalty = penalty, .temperature = 0}};
        return ssm::generate(sequence, letters(), tokens{8, 7}, options).ids.front();
    };
    CHECK(first(1) == 8);
    CHECK(first(1.2) == 9);
}

TEST_CASE("A long prompt reports its progress, and its reading can be cancelled") {
    const counting_model model(52);
    const tokens prompt{1, 2, 3};
    std::vector<ssm::index> done;
    generation_options options{.tokens = 1};
    options.on_prefill = [&](ssm::index count, ssm::index) {
        done.push_back(count);
        return count < 2;
    };
    ssm::session sequence{model};
    CHECK_THROWS_AS(ssm::generate(sequence, letters(), prompt, options, nullptr, ssm::in_chunks{1}), ssm::cancelled);
    CHECK(done == std::vector<ssm::index>{1, 2});
}

TEST_CASE("Options that make no sense are refused before anything runs") {
    const counting_model model(52);
    ssm::session sequence{model};
    const auto refuse = [&](const generation_options& options, const tokens& prompt) {
        CHECK_THROWS_AS(ssm::generate(sequence, letters(), prompt, options), ssm::argument_error);
    };
    refuse({.tokens = 0}, {1});
    refuse({.tokens = -1}, {1});
    refuse({.sampling = {.top_p = 0}}, {1});
    refuse({.stop_strings = {""}}, {1});
    refuse({}, {});
    refuse({}, {52});
    CHECK(model.calls->empty());
    CHECK_THROWS_WITH(run({.tokens = 0}), Contains("tokens: found 0, expected at least 1"));
}

}  // namespace generate_test
