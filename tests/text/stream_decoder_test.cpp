// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

#include <ssm/text/stream_decoder.hpp>

#include <string>
#include <vector>

#include "support/catch.hpp"
#include "text/small_tokenizer.hpp"

namespace stream_decoder_test {

namespace {

ssm::tokenizer bytes_tokenizer() {
    ssm::json file = small_tokenizer();
    file["added_tokens"] = {{{"id", 256}, {"content", "<s>"}, {"special", true}}};
    return ssm::tokenizer::from_json(file.dump(), "test");
}

}  // namespace

TEST_CASE("only whole characters come out") {
    ssm::stream_decoder decoder(bytes_tokenizer());
    CHECK(decoder.push('a') == "a");
    CHECK(decoder.push(0xe2).empty());
    CHECK(decoder.push(0x82).empty());
    CHECK(decoder.push(0xac) == "\u20ac");
    CHECK(decoder.finish().empty());
}

TEST_CASE("what cannot become a character comes out at once, the rest at the end") {
    ssm::stream_decoder decoder(bytes_tokenizer());
    CHECK(decoder.push(0xff) == "\ufffd");
    CHECK(decoder.push(0xe2).empty());
    CHECK(decoder.push('b') == "\ufffdb");
    CHECK(decoder.push(0xf0).empty());
    CHECK(decoder.finish() == "\ufffd");
    CHECK(decoder.push('c') == "c");
}

TEST_CASE("pieces together are what all ids together decode to") {
    const auto words = bytes_tokenizer();
    std::uint32_t random = 1;
    for (int round = 0; round < 2000; ++round) {
        std::vector<ssm::token_id> ids;
        for (int i = 0; i < 12; ++i) {
            random = random * 1664525U + 1013904223U;
            // Mostly bytes that begin or continue a character.
            ids.push_back(
                static_cast<ssm::token_id>((random >> 24) < 230 ? 0x80U + (random >> 16) % 0x78U : random >> 25));
        }
        ssm::stream_decoder decoder(words);
        std::string text;
        for (const ssm::token_id id : ids) {
            const std::string piece = decoder.push(id);
            REQUIRE_FALSE(ssm::find_broken_utf8(piece));
            text += piece;
        }
        text += decoder.finish();
        REQUIRE(text == words.decode(ids));
    }
}

TEST_CASE("special tokens are left out when asked for") {
    ssm::stream_decoder whole(bytes_tokenizer());
    CHECK(whole.push(256) == "<s>");
    ssm::stream_decoder plain(bytes_tokenizer(), true);
    CHECK(plain.push(256).empty());
    CHECK_THROWS_AS(plain.push(257), ssm::argument_error);
}

}  // namespace stream_decoder_test
