// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

// Ids and texts as the `tokenizers` library gives them; tests/golden/README.md says how they were made.
#include <ssm/io/file.hpp>
#include <ssm/io/json.hpp>
#include <ssm/text/stream_decoder.hpp>
#include <ssm/text/tokenizer.hpp>

#include <cstddef>
#include <string>
#include <vector>

#include "support/catch.hpp"

namespace golden_test {

namespace {

using ids = std::vector<ssm::token_id>;

struct golden {
    const char* tokenizer;
    const char* cases;
};

const golden goldens[] = {{"models/fairy-tiny/tokenizer.json", "cases.json"},
                          {"tests/golden/tokenizer/probe.json", "probe_cases.json"}};

std::string path(const std::string& relative) { return std::string(SSM_SOURCE_DIR "/") + relative; }

ssm::json read(const golden& g) {
    const std::string file = path("tests/golden/tokenizer/") + g.cases;
    return ssm::parse_json(ssm::read_text_file(file), file);
}

ids ids_in(const ssm::json& one, const char* key) { return one.at(key).get<ids>(); }
std::string text_in(const ssm::json& one, const char* key) { return one.at(key).get<std::string>(); }

}  // namespace

TEST_CASE("ids are those of the reference") {
    for (const golden& g : goldens) {
        const auto words = ssm::tokenizer::from_file(path(g.tokenizer));
        const ssm::json cases = read(g);
        REQUIRE(cases.at("encode").size() > 500);
        for (const ssm::json& one : cases.at("encode")) {
            const std::string text = text_in(one, "text");
            CAPTURE(g.cases, text_in(one, "group"), text);
            const ids found = words.encode(text, {.parse_special = true});
            CHECK(found == ids_in(one, "ids"));
            CHECK(words.decode(found) == text);
        }
    }
}

TEST_CASE("special tokens are parsed, taken literally and left out as in the reference") {
    for (const golden& g : goldens) {
        const auto words = ssm::tokenizer::from_file(path(g.tokenizer));
        const ssm::json cases = read(g);
        REQUIRE_FALSE(cases.at("special").empty());
        for (const ssm::json& one : cases.at("special")) {
            const std::string text = text_in(one, "text");
            CAPTURE(g.cases, text);
            CHECK(words.encode(text, {.parse_special = true}) == ids_in(one, "parsed_ids"));
            CHECK(words.encode(text) == ids_in(one, "literal_ids"));
            CHECK(words.decode(ids_in(one, "parsed_ids"), true) == text_in(one, "without_specials"));
        }
    }
}

TEST_CASE("broken characters decode as in the reference, whole and streamed") {
    for (const golden& g : goldens) {
        const auto words = ssm::tokenizer::from_file(path(g.tokenizer));
        const ssm::json cases = read(g);
        REQUIRE_FALSE(cases.at("decode").empty());
        for (const ssm::json& one : cases.at("decode")) {
            const ids tokens = ids_in(one, "ids");
            CAPTURE(g.cases, tokens);
            CHECK(words.decode(tokens) == text_in(one, "text"));
            ssm::stream_decoder decoder(words);
            std::string streamed;
            for (const ssm::token_id id : tokens) streamed += decoder.push(id);
            CHECK(streamed + decoder.finish() == text_in(one, "text"));
        }
    }
}

TEST_CASE("a megabyte of one thing gives the reference's ids") {
    for (const golden& g : goldens) {
        const auto words = ssm::tokenizer::from_file(path(g.tokenizer));
        const ssm::json cases = read(g);
        REQUIRE_FALSE(cases.at("repeat").empty());
        for (const ssm::json& one : cases.at("repeat")) {
            const std::string unit = text_in(one, "unit");
            CAPTURE(g.cases, unit);
            std::string text;
            for (std::size_t i = 0; i < one.at("count").get<std::size_t>(); ++i) text += unit;
            const ids period = ids_in(one, "period");
            const ids tail = ids_in(one, "tail");
            ids expected;
            for (std::size_t i = 0; i < one.at("periods").get<std::size_t>(); ++i)
                expected.insert(expected.end(), period.begin(), period.end());
            expected.insert(expected.end(), tail.begin(), tail.end());
            CHECK((words.encode(text, {.parse_special = true}) == expected));
        }
    }
}

}  // namespace golden_test
