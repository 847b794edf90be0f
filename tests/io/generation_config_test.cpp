// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

#include <ssm/io/generation_config.hpp>

#include <filesystem>
#include <string>
#include <vector>

#include "io/sample_files.hpp"
#include "support/catch.hpp"

namespace generation_config_test {

using namespace ssm::test;

namespace {

ssm::generation_config parse(const std::string& text) {
    return ssm::parse_generation_config(text, "generation_config.json");
}

}  // namespace

TEST_CASE("generation_config.json gives its advice, and none where it is silent") {
    const auto silent = parse(R"({"transformers_version": "4.43", "top_k": null})");
    CHECK_FALSE(silent.do_sample);
    CHECK(silent.temperature == 1);
    CHECK(silent.top_k == 0);
    CHECK(silent.top_p == 1);
    CHECK(silent.min_p == 0);
    CHECK(silent.repetition_penalty == 1);
    CHECK(silent.eos_ids.empty());

    const auto full = parse(R"({"do_sample": true, "temperature": 0.7, "top_k": 50, "top_p": 0.9, "min_p": 0.05,
                                "repetition_penalty": 1.2, "eos_token_id": [11, 10]})");
    CHECK(full.do_sample);
    CHECK(full.temperature == 0.7);
    CHECK(full.top_k == 50);
    CHECK(full.top_p == 0.9);
    CHECK(full.min_p == 0.05);
    CHECK(full.repetition_penalty == 1.2);
    CHECK(full.eos_ids == std::vector<ssm::token_id>{11, 10});
    CHECK(parse(R"({"eos_token_id": 11})").eos_ids == std::vector<ssm::token_id>{11});
}

TEST_CASE("each field of generation_config.json is refused when it is mistyped or out of range") {
    struct row {
        const char* key;
        const char* value;
    };
    for (const auto& [key, value] : std::vector<row>{{"do_sample", "1"},
                                                     {"temperature", "-0.5"},
                                                     {"temperature", "1000"},
                                                     {"temperature", "\"1\""},
                                                     {"top_k", "-1"},
                                                     {"top_k", "0.5"},
                                                     {"top_k", "99999999999"},
                                                     {"top_p", "-1"},
                                                     {"top_p", "1.5"},
                                                     {"min_p", "-1"},
                                                     {"min_p", "2"},
                                                     {"min_p", "true"},
                                                     {"repetition_penalty", "0"},
                                                     {"repetition_penalty", "-1"},
                                                     {"repetition_penalty", "1000"},
                                                     {"eos_token_id", "-1"},
                                                     {"eos_token_id", "\"</s>\""},
                                                     {"eos_token_id", "4294967296"},
                                                     {"eos_token_id", "1.5"}}) {
        INFO(key << " = " << value);
        const std::string text = std::string("{\"") + key + "\": " + value + "}";
        check_refused<ssm::config_error>([&] { (void)parse(text); }, {"generation_config.json: " + std::string(key) +
                                                                      ": found " + value + ", expected "});
    }
    check_refused<ssm::config_error>([] { (void)parse(R"({"eos_token_id": [1, []]})"); },
                                     {"eos_token_id: found an array"});
    check_refused<ssm::format_error>([] { (void)parse("{"); }, {"generation_config.json: JSON"});
    check_refused<ssm::config_error>([] { (void)parse("3"); }, {"generation_config.json: found 3, expected an object"});
}

TEST_CASE("generation_config.json may be missing but not unreadable") {
    const temporary_folder folder;
    const auto path = folder.path() / "generation_config.json";
    CHECK(ssm::read_generation_config(path).top_k == 0);
    folder.write("generation_config.json", R"({"top_k": 7})");
    CHECK(ssm::read_generation_config(path).top_k == 7);
    std::filesystem::remove(path);
    std::filesystem::create_symlink(path, path);
    check_refused<ssm::io_error>([&] { (void)ssm::read_generation_config(path); }, {path.string(), "cannot be opened"});
}

}  // namespace generation_config_test
