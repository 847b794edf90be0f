// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

#include <ssm/text/bpe.hpp>

#include <chrono>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "text/small_tokenizer.hpp"

namespace bpe_test {

namespace {

using ids = std::vector<ssm::token_id>;

ssm::json model_of(std::initializer_list<std::pair<const char*, const char*>> merges) {
    return small_tokenizer(merges)["model"];
}

ids encode(const ssm::json& description, const std::string& piece) {
    const ssm::bpe model(description, "test");
    ids result;
    ssm::bpe_encoding(model, piece.size()).encode(piece, result);
    return result;
}

/// The definition, in quadratic time: join the leftmost pair of the lowest rank until there is none.
ids encode_plainly(const ssm::bpe& model, const std::string& piece) {
    ids symbols;
    for (const char c : piece) symbols.push_back(model.character(static_cast<unsigned char>(c)));
    while (true) {
        const ssm::bpe::merge* best = nullptr;
        std::size_t at = 0;
        for (std::size_t i = 0; i + 1 < symbols.size(); ++i) {
            const auto* const merge = model.find(symbols[i], symbols[i + 1]);
            if (merge != nullptr && (best == nullptr || merge->rank < best->rank)) {
                best = merge;
                at = i;
            }
        }
        if (best == nullptr) return symbols;
        symbols[at] = best->joined;
        symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(at) + 1);
    }
}

}  // namespace

TEST_CASE("the lowest rank is joined first, the leftmost of equals") {
    const auto model = model_of({{"b", "c"}, {"a", "b"}, {"a", "a"}, {"aa", "a"}});
    CHECK(encode(model, "abc") == ids{'a', 256});
    CHECK(encode(model, "ab") == ids{257});
    CHECK(encode(model, "aaa") == ids{259});
    CHECK(encode(model, "aaaaa") == ids{258, 259});
    CHECK(encode(model, "xyz") == ids{'x', 'y', 'z'});
}

TEST_CASE("the queue gives what the definition gives") {
    const ssm::bpe model(
        model_of({{"a", "b"}, {"b", "a"}, {"ab", "a"}, {"a", "a"}, {"aa", "ba"}, {"b", "b"}, {"aba", "ab"}}), "test");
    ssm::bpe_encoding encoding(model, 1000);
    for (unsigned pattern = 0; pattern < 4096; ++pattern) {
        std::string piece;
        for (unsigned bit = 0; bit < 12; ++bit) piece += (pattern >> bit & 1U) != 0 ? 'a' : 'b';
        ids result;
        encoding.encode(piece, result);
        REQUIRE(result == encode_plainly(model, piece));
    }
}

TEST_CASE("both forms of a merge mean the same") {
    auto model = model_of({{"a", "b"}, {"ab", "c"}});
    const ids expected = encode(model, "abcab");
    CHECK(expected == ids{257, 256});
    model["merges"] = {"a b", "ab c"};
    CHECK(encode(model, "abcab") == expected);
}

TEST_CASE("a megabyte of one letter takes no quadratic time") {
    const auto model = model_of({{"a", "a"}, {"aa", "aa"}, {"aaaa", "aaaa"}});
    const auto start = std::chrono::steady_clock::now();
    const ids result = encode(model, std::string(1'000'000, 'a'));
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(20));  // also under sanitizers
    CHECK(result == ids(125'000, 258));
}

TEST_CASE("a whole entry wins over merges when they are ignored") {
    auto model = model_of({{"b", "c"}});
    model["vocab"]["abc"] = 257;
    CHECK(encode(model, "abc") == ids{'a', 256});
    model["ignore_merges"] = true;
    CHECK(encode(model, "abc") == ids{257});
}

TEST_CASE("a byte that the vocabulary lacks is an error, or the unknown token") {
    auto model = model_of({});
    model["vocab"].erase("z");
    CHECK_THROWS_WITH(encode(model, "az"), Catch::Contains("byte 122"));
    model["unk_token"] = "?";
    CHECK(encode(model, "azzb") == ids{'a', '?', '?', 'b'});
    model["fuse_unk"] = true;
    CHECK(encode(model, "azzb") == ids{'a', '?', 'b'});
}

TEST_CASE("a piece encodes the same after one that failed") {
    auto description = model_of({{"a", "b"}});
    description["vocab"].erase("z");
    const ssm::bpe model(description, "test");
    ssm::bpe_encoding encoding(model, 0);  // one slot, so that pieces displace each other
    ids result;
    CHECK_THROWS_AS(encoding.encode("abz", result), ssm::config_error);
    encoding.encode("ab", result);
    encoding.encode("ab", result);
    encoding.encode("b", result);
    CHECK(result == ids{256, 256, 'b'});
}

TEST_CASE("fields that would change the ids are refused") {
    const auto refuses = [](const char* key, const ssm::json& value) {
        auto model = model_of({{"a", "b"}});
        model[key] = value;
        CHECK_THROWS_AS(ssm::bpe(model, "test"), ssm::config_error);
    };
    refuses("type", "Unigram");
    refuses("dropout", 0.1);
    refuses("byte_fallback", true);
    refuses("continuing_subword_prefix", "##");
    refuses("end_of_word_suffix", "</w>");
    refuses("unk_token", "missing");
    refuses("vocab", nullptr);
    refuses("vocab", {{"a", -1}});
    refuses("vocab", {{"a", 1.5}});
    refuses("merges", nullptr);
    refuses("merges", {"a b c"});
    refuses("merges", {"ab"});
    refuses("merges", {{"a"}});
    refuses("merges", ssm::json::array({1}));
}

TEST_CASE("a merge of unknown tokens is named") {
    auto model = model_of({});
    model["merges"] = {"a b"};
    CHECK_THROWS_WITH(ssm::bpe(model, "file"), Catch::Contains("merges[0]") && Catch::Contains("\"ab\""));
}

}  // namespace bpe_test
