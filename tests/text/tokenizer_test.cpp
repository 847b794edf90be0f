// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

#include <ssm/text/tokenizer.hpp>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "support/catch.hpp"
#include "text/small_tokenizer.hpp"

namespace tokenizer_test {

namespace {

using ids = std::vector<ssm::token_id>;
using ssm::json;

json with_special() {
    json file = small_tokenizer({{"a", "b"}});
    file["added_tokens"] = {{{"id", 257}, {"content", "<s>"}, {"special", true}},
                            {{"id", 258}, {"content", "<t>"}, {"special", false}, {"normalized", false}}};
    return file;
}

ssm::tokenizer load(const json& file) { return ssm::tokenizer::from_json(file.dump(), "tokenizer.json"); }

class scratch_folder {
public:
    scratch_folder() { std::filesystem::create_directories(path); }
    ~scratch_folder() { std::filesystem::remove_all(path); }
    void write(const char* name, const std::string& text) const { std::ofstream(path / name) << text; }

    const std::filesystem::path path =
        std::filesystem::temp_directory_path() /
        ("ssm-tokenizer-" + std::to_string(std::hash<std::thread::id>()(std::this_thread::get_id())) + "-" +
         std::to_string(reinterpret_cast<std::uintptr_t>(this)));
};

}  // namespace

TEST_CASE("text becomes ids and text again") {
    const auto words = load(with_special());
    CHECK(words.size() == 259);
    CHECK(words.encode("abc") == ids{256, 'c'});
    CHECK(words.encode("").empty());
    const std::string text("nul \0 \u00e9 \u20ac \U0001f600\n", 17);
    CHECK(words.decode(words.encode(text)) == text);
}

TEST_CASE("special tokens in text are parsed only when asked for") {
    const auto words = load(with_special());
    CHECK(words.encode("<s><t>") == ids{'<', 's', '>', 258});
    CHECK(words.encode("<s><t>", {.parse_special = true}) == ids{257, 258});
    CHECK(words.is_special(257));
    CHECK_FALSE(words.is_special(258));
    const ids mixed{257, 'a', 258};
    CHECK(words.decode(mixed) == "<s>a<t>");
    CHECK(words.decode(mixed, true) == "a<t>");
    CHECK(words.decode(257) == "<s>");
}

TEST_CASE("the post-processor's tokens are added when asked for") {
    json file = with_special();
    file["post_processor"] = {{"type", "TemplateProcessing"},
                              {"single", {{{"SpecialToken", {{"id", "<s>"}}}}, {{"Sequence", {{"id", "A"}}}}}},
                              {"special_tokens", {{"<s>", {{"ids", {257}}}}}}};
    const auto words = load(file);
    CHECK(words.encode("a") == ids{'a'});
    CHECK(words.encode("a", {.add_special = true}) == ids{257, 'a'});
    file["post_processor"]["special_tokens"]["<s>"]["ids"] = {999};
    CHECK_THROWS_AS(load(file), ssm::config_error);
}

TEST_CASE("text that is not UTF-8 is refused or mended") {
    const auto words = load(small_tokenizer());
    CHECK_THROWS_AS(words.encode("ab\xff"), ssm::argument_error);
    CHECK_THROWS_WITH(words.encode("ab\xff"), Catch::Contains("position 2"));
    CHECK(words.encode("ab\xff", {.replace_broken = true}) == words.encode("ab\ufffd"));
}

TEST_CASE("bytes that make no character decode to U+FFFD") {
    const auto words = load(small_tokenizer());
    CHECK(words.decode(0xe2) == "\ufffd");
    CHECK(words.decode(ids{'a', 0xe2, 0x82, 'b'}) == "a\ufffdb");
    CHECK(words.bytes_of(0xe2) == "\xe2");
}

TEST_CASE("an id outside the vocabulary is refused") {
    const auto words = load(small_tokenizer());
    for (const ssm::token_id id : {-1, 256}) {
        CHECK_THROWS_AS(words.decode(id), ssm::argument_error);
        CHECK_THROWS_AS(words.is_special(id), ssm::argument_error);
        CHECK_THROWS_AS(words.decode(ids{'a', id}, true), ssm::argument_error);
    }
}

TEST_CASE("entries are found by their text") {
    const auto words = load(with_special());
    CHECK(words.id_of("ab") == 256);
    CHECK(words.id_of("<s>") == 257);
    CHECK_FALSE(words.id_of("missing"));
}

TEST_CASE("NFC text is read and other text refused with its place") {
    json file = with_special();
    file["normalizer"] = {{"type", "NFC"}};
    const auto words = load(file);
    CHECK(words.encode("\u00e9").size() == 2);
    CHECK_THROWS_WITH(words.encode("a<t>e\u0301"), Catch::Contains("position 5"));
}

TEST_CASE("a file that contradicts itself is refused by field") {
    const auto refuses = [](const char* what, const auto& change) {
        json file = with_special();
        change(file);
        CHECK_THROWS_AS(load(file), ssm::config_error);
        CHECK_THROWS_WITH(load(file), Catch::Contains("tokenizer.json") && Catch::Contains(what));
    };
    refuses("model", [](json& file) { file.erase("model"); });
    refuses("pre_tokenizer", [](json& file) { file["pre_tokenizer"] = nullptr; });
    refuses("decoder", [](json& file) { file["decoder"] = {{"type", "WordPiece"}}; });
    refuses("decoder", [](json& file) { file["decoder"] = nullptr; });
    refuses("normalizer", [](json& file) { file["normalizer"] = {{"type", "Lowercase"}}; });
    refuses("gaps", [](json& file) { file["model"]["vocab"]["ab"] = 100'000'000; });
    refuses("no token with id 257", [](json& file) {
        file["model"]["vocab"]["<s>"] = 258;
        file["added_tokens"][0]["id"] = 258;
        file["added_tokens"][1]["id"] = 259;
    });
    refuses("id 97", [](json& file) { file["model"]["vocab"]["ab"] = 97; });
    refuses("id 256", [](json& file) { file["added_tokens"][0]["id"] = 256; });
    refuses("added_tokens", [](json& file) { file["added_tokens"][0]["content"] = "a"; });
}

TEST_CASE("a file that is no JSON is a format error") {
    const std::string whole = with_special().dump();
    CHECK_THROWS_AS(ssm::tokenizer::from_json(whole.substr(0, whole.size() / 2), "t"), ssm::format_error);
    CHECK_THROWS_AS(ssm::tokenizer::from_json("", "t"), ssm::format_error);
    CHECK_THROWS_AS(ssm::tokenizer::from_json("\"\xff\"", "t"), ssm::format_error);
    CHECK_THROWS_AS(ssm::tokenizer::from_json(std::string(100'000, '['), "t"), ssm::format_error);
    CHECK_THROWS_AS(ssm::tokenizer::from_json("[]", "t"), ssm::config_error);
    CHECK_THROWS_AS(ssm::tokenizer::from_json(R"({"model":{"vocab":{"a":0,"a":1}}})", "t"), ssm::format_error);
}

TEST_CASE("files are read from a folder") {
    const scratch_folder folder;
    folder.write("tokenizer.json", with_special().dump());
    CHECK_FALSE(ssm::tokenizer::from_folder(folder.path).eos());
    folder.write("tokenizer_config.json", R"({"eos_token": "<s>"})");
    CHECK(ssm::tokenizer::from_folder(folder.path).eos() == 257);
    folder.write("tokenizer_config.json", R"({"eos_token": {"content": "<t>"}})");
    CHECK(ssm::tokenizer::from_folder(folder.path).eos() == 258);
    folder.write("tokenizer_config.json", R"({"eos_token": "missing"})");
    CHECK_THROWS_WITH(ssm::tokenizer::from_folder(folder.path),
                      Catch::Contains("eos_token") && Catch::Contains("missing"));
    CHECK_THROWS_AS(ssm::tokenizer::from_file(folder.path / "missing.json"), ssm::io_error);
}

TEST_CASE("a prompt of 100 MB becomes ids") {
#ifdef SSM_SANITIZED
    constexpr std::size_t bytes = 2'000'000;
#else
    constexpr std::size_t bytes = 100'000'000;
#endif
    const auto words = ssm::tokenizer::from_folder(SSM_SOURCE_DIR "/models/fairy-tiny");
    const std::string line = "Once upon a time there was a king, and he had 12345 daughters: 'Where are you going?'\n";
    std::string text;
    text.reserve(bytes + line.size());
    while (text.size() < bytes) text += line;
    const auto of_line = words.encode(line);
    const auto ids = words.encode(text);
    REQUIRE(ids.size() == of_line.size() * (text.size() / line.size()));
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < ids.size(); ++i) wrong += ids[i] != of_line[i % of_line.size()] ? 1U : 0U;
    CHECK(wrong == 0);
}

TEST_CASE("threads share one tokenizer") {
    const auto words = ssm::tokenizer::from_file(SSM_SOURCE_DIR "/models/fairy-tiny/tokenizer.json");
    std::string text;
    for (int i = 0; i < 200; ++i) text += "Once upon a time, in " + std::to_string(1800 + i) + "... \u00e9! ";
    const ids expected = words.encode(text);
    std::vector<ids> results(4);
    std::vector<std::thread> threads;
    for (ids& result : results) threads.emplace_back([&] { result = words.encode(text); });
    for (std::thread& thread : threads) thread.join();
    for (const ids& result : results) CHECK(result == expected);
}

}  // namespace tokenizer_test
