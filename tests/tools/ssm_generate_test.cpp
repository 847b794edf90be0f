// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/io/safetensors_writer.hpp>
#include <ssm/io/synthetic_checkpoint.hpp>

#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "tools/program.hpp"

namespace ssm_generate_test {

namespace {

using Catch::Contains;
using ssm::test::ending;
using ssm::test::program;
using words = std::vector<std::string>;

const std::string model = SSM_SOURCE_DIR "/models/fairy-tiny";
const std::string prompt = "Once upon a time there was a king";

ending generate(const words& arguments, const std::string& input = {}) {
    return program(SSM_GENERATE, arguments, input).wait();
}

/// The model's folder, the words, and what makes a run short and repeatable.
words with_model(const words& more) {
    words arguments{model, "--tokens", "24", "--seed", "7", "--threads", "1"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
}

/// A copy of a model's folder, with the small model's tokenizer, that can be changed.
class model_copy {
public:
    explicit model_copy(const std::string& folder = "models/fairy-tiny")
        : path_(std::filesystem::temp_directory_path() / ("ssm_generate_test_" + std::to_string(getpid()))) {
        std::filesystem::remove_all(path_);
        std::filesystem::copy(SSM_SOURCE_DIR "/" + folder, path_);
        for (const char* file : {"tokenizer.json", "tokenizer_config.json"})
            std::filesystem::copy_file(model + "/" + file, path_ / file,
                                       std::filesystem::copy_options::overwrite_existing);
    }
    ~model_copy() { std::filesystem::remove_all(path_); }
    model_copy(const model_copy&) = delete;
    model_copy& operator=(const model_copy&) = delete;

    [[nodiscard]] std::string path() const { return path_.string(); }
    void write(const char* file, const std::string& content) const { std::ofstream(path_ / file) << content; }

private:
    std::filesystem::path path_;
};

/// Whether every lead byte has its continuation bytes and no other are there.
bool is_utf8(const std::string& text) {
    int missing = 0;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool continues = (byte & 0xC0U) == 0x80U;
        if (continues != (missing > 0)) return false;
        missing = continues ? missing - 1 : byte >= 0xF0U ? 3 : byte >= 0xE0U ? 2 : byte >= 0xC0U ? 1 : 0;
    }
    return missing == 0;
}

void check_refused(const ending& e, int status, const std::string& sentence) {
    CHECK(e.status == status);
    CHECK(e.out == "");
    CHECK_THAT(e.err, Contains(sentence));
}

}  // namespace

TEST_CASE("ssm-generate takes the same prompt from an argument, a file and standard input") {
    const ending argument = generate(with_model({prompt}));
    CHECK(argument.status == 0);
    CHECK(argument.out.size() > 20);
    CHECK_THAT(argument.err, Contains("load") && Contains("prefill") && Contains("decode") && Contains("tokens/s") &&
                                 Contains("state") && Contains("peak memory") && Contains("seed 7"));

    const std::string path = std::filesystem::temp_directory_path() / "ssm_generate_test_prompt.txt";
    std::ofstream(path, std::ios::binary) << prompt;
    CHECK(generate(with_model({"--file", path})).out == argument.out);
    CHECK(generate(with_model({"--file", "-"}), prompt).out == argument.out);
    std::filesystem::remove(path);

    const ending quiet = generate(with_model({"--quiet", "-"}), prompt);
    CHECK(quiet.out == argument.out);
    CHECK(quiet.err == "");
}

TEST_CASE("ssm-generate repeats a text from its seed, whatever the prefill and the threads") {
    const std::string text = generate(with_model({prompt})).out;
    CHECK(generate(with_model({prompt})).out == text);
    CHECK(generate(with_model({prompt, "--prefill", "whole"})).out == text);
    CHECK(generate(with_model({prompt, "--prefill", "1"})).out == text);
    CHECK(generate(with_model({prompt, "--prefill", "3"})).out == text);
    CHECK(generate({model, prompt, "--tokens", "24", "--seed", "7", "--threads", "2"}).out == text);

    std::set<std::string> texts{text};
    for (const char* seed : {"8", "9", "10"})
        texts.insert(generate({model, prompt, "--tokens", "24", "--seed", seed, "--threads", "1"}).out);
    CHECK(texts.size() == 4);
}

TEST_CASE("ssm-generate's options reach the sampler") {
    const std::string greedy = generate(with_model({prompt, "--temperature", "0"})).out;
    CHECK(generate(with_model({prompt, "--top-k", "1"})).out == greedy);
    CHECK(generate(with_model({prompt, "--top-p", "1e-9"})).out == greedy);
    CHECK(generate(with_model({prompt, "--min-p", "1"})).out == greedy);
    CHECK(generate(with_model({prompt, "--temperature", "0", "--repetition-penalty", "1.5"})).out != greedy);
    // The weights are bf16, so f32 holds the same numbers.
    CHECK(generate(with_model({prompt, "--temperature", "0", "--dtype", "f32"})).out == greedy);
    CHECK(generate(with_model({prompt, "--temperature", "0", "--dtype", "f16"})).status == 0);
}

TEST_CASE("ssm-generate takes the defaults of sampling from generation_config.json") {
    const model_copy copy;
    const auto text = [&](const words& more) {
        words arguments{copy.path(), prompt, "--tokens", "24", "--threads", "1"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return generate(arguments).out;
    };
    const std::string drawn = text({"--seed", "7"});
    CHECK(drawn == generate(with_model({prompt})).out);

    copy.write("generation_config.json", R"({"do_sample": true, "temperature": 0.8, "top_k": 1})");
    const std::string greedy = text({"--temperature", "0"});
    CHECK(text({"--seed", "7"}) == greedy);
    CHECK(text({"--seed", "7", "--top-k", "40", "--top-p", "0.95"}) == drawn);

    // Without advice to sample, the most likely token is taken, unless an option of sampling asks for draws.
    copy.write("generation_config.json", "{}");
    CHECK(text({"--seed", "7"}) == greedy);
    CHECK(text({"--seed", "7", "--top-k", "1000"}) != greedy);
    copy.write("generation_config.json", R"({"top_p": "all"})");
    check_refused(generate({copy.path(), prompt}), 1, "top_p");
}

TEST_CASE("ssm-generate stops at the end-of-text tokens of every file") {
    const model_copy copy;
    const auto reason = [&](const words& more) {
        words arguments{copy.path(), prompt, "--temperature", "0", "--tokens", "24", "--threads", "1"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return generate(arguments).err;
    };
    CHECK_THAT(reason({}), Contains("ended by length"));
    std::string all = "0";
    for (int id = 1; id < 2048; ++id) all += ", " + std::to_string(id);
    copy.write("generation_config.json", "{\"eos_token_id\": [" + all + "]}");
    CHECK_THAT(reason({}), Contains(" 1 tokens") && Contains("ended by end of text"));
    CHECK_THAT(reason({"--ignore-eos"}), Contains("ended by length"));
}

TEST_CASE("ssm-generate runs Mamba-2") {
    const model_copy copy;  // its tokenizer, with random weights
    ssm::model_config config = ssm::synthetic_shape("mamba2-130m");
    config.hidden = 32;
    config.inner = 64;
    config.heads = 4;
    config.groups = 2;
    config.state = 8;
    config.layers = 2;
    config.vocab = 2048;
    const ssm::synthetic_checkpoint weights(config);
    std::vector<ssm::tensor_to_write> tensors;
    for (const std::string& name : weights.names()) {
        const auto tensor = weights.find(name);
        tensors.push_back({name, tensor->type, tensor->shape,
                           [tensor] { return std::vector<std::byte>(tensor->bytes.begin(), tensor->bytes.end()); }});
    }
    ssm::write_safetensors(copy.path() + "/model.safetensors", tensors, {});
    copy.write("config.json",
               R"({"model_type": "mamba2", "hidden_size": 32, "num_heads": 4, "head_dim": 16, "n_groups": 2,
                   "state_size": 8, "num_hidden_layers": 2, "vocab_size": 2048, "tie_word_embeddings": true,
                   "time_step_limit": [0.0, Infinity]})");
    const auto text = [&](const char* prefill) {
        const ending e = generate({copy.path(), prompt, "--tokens", "8", "--seed", "1", "--threads", "1",
                                   "--ignore-eos", "--temperature", "1", "--prefill", prefill});
        CHECK(e.status == 0);
        return e.out;
    };
    CHECK_FALSE(text("whole").empty());
    CHECK(text("whole") == text("1"));
}

TEST_CASE("ssm-generate refuses a tokenizer of another model") {
    const model_copy copy("tests/golden/mamba-plain");
    check_refused(generate({copy.path(), prompt, "--threads", "1"}), 1, "must belong together");
}

TEST_CASE("ssm-generate stops at a stop string and at the end of text") {
    const std::string text = generate(with_model({prompt, "--temperature", "0"})).out;
    const std::string stop = text.substr(10, 4);
    const std::string before = text.substr(0, text.find(stop));
    CHECK(generate(with_model({prompt, "--temperature", "0", "--stop", stop})).out == before + "\n");
    CHECK(generate(with_model({prompt, "--temperature", "0", "--stop", "\x01", "--stop", stop})).out == before + "\n");

    const ending parsed = generate(with_model({"--parse-special", "<|endoftext|>", "--temperature", "0"}));
    CHECK(parsed.status == 0);
    CHECK_THAT(parsed.err, Contains("1 tokens"));
    CHECK_THAT(generate(with_model({"<|endoftext|>"})).err, !Contains(" 1 tokens"));
}

TEST_CASE("ssm-generate writes valid UTF-8 even where tokens are drawn at random") {
    const ending e = generate({model, "Caf\xC3\xA9 \xF0\x9F\x98\x80", "--tokens", "400", "--seed", "7", "--threads",
                               "1", "--temperature", "100", "--top-k", "0", "--top-p", "1", "--ignore-eos"});
    CHECK(e.status == 0);
    CHECK(is_utf8(e.out));
    CHECK(e.out.back() == '\n');
}

TEST_CASE("ssm-generate refuses a wrong command line with status 2") {
    check_refused(generate({}), 2, "model");
    check_refused(generate({model}), 2, "prompt");
    check_refused(generate(with_model({prompt, "--no-such-option"})), 2, "--no-such-option");
    check_refused(generate(with_model({prompt, "--temperature", "warm"})), 2, "warm");
    check_refused(generate(with_model({prompt, "--tokens", "1e99"})), 2, "--tokens");
    check_refused(generate(with_model({prompt, "--prefill", "0"})), 2, "--prefill");
    check_refused(generate(with_model({prompt, "--prefill", "half"})), 2, "half");
    check_refused(generate(with_model({prompt, "--dtype", "f8"})), 2, "f8");
    check_refused(generate(with_model({prompt, "--file", "x"})), 2, "--file");
    check_refused(generate(with_model({prompt, "--device", "tpu"})), 2, "tpu");
    check_refused(generate(with_model({prompt, "--device", "cuda"})), 2, "--threads: is for --device cpu only");

    const ending help = generate({"--help"});
    CHECK(help.status == 0);
    CHECK_THAT(help.out, Contains("--repetition-penalty") && Contains("Exit status"));
    CHECK(generate({"--version"}).status == 0);
}

TEST_CASE("ssm-generate reports an error in one line with status 1") {
    const auto check = [](const words& arguments, const std::string& sentence) {
        const ending e = generate(arguments);
        check_refused(e, 1, sentence);
        CHECK_THAT(e.err, Catch::StartsWith("ssm-generate: "));
        CHECK(std::count(e.err.begin(), e.err.end(), '\n') == 1);
    };
    check({"/no/such/folder", prompt}, "/no/such/folder");
    check({SSM_SOURCE_DIR "/include", prompt}, "config.json");
    check(with_model({""}), "at least one token");
    check(with_model({"--file", "/no/such/prompt"}), "No such file");
    check(with_model({"--file", "/"}), "directory");
    check(with_model({"caf\xC3 au lait"}), "UTF-8");
    check(with_model({prompt, "--temperature", "-1"}), "temperature: found -1, expected 0");
    check(with_model({prompt, "--temperature", "nan"}), "temperature: found nan");
    check(with_model({prompt, "--top-p", "0"}), "top_p: found 0");
    check(with_model({prompt, "--top-k", "-3"}), "top_k: found -3");
    check(with_model({prompt, "--min-p", "2"}), "min_p: found 2");
    check(with_model({prompt, "--repetition-penalty", "0"}), "repetition_penalty: found 0");
    check(with_model({prompt, "--stop", ""}), "empty string");
    check({model, prompt, "--threads", "0"}, "threads");
    check({model, prompt, "--tokens", "0"}, "tokens: found 0");
}

TEST_CASE("ssm-generate never takes the CPU when it was asked for a GPU that is not there") {
    const ending e =
        program(SSM_GENERATE, {model, prompt, "--device", "cuda"}, {}, nullptr, {"CUDA_VISIBLE_DEVICES="}).wait();
    check_refused(e, 1, SSM_TOOLS_WITH_CUDA ? "cudaGetDeviceCount" : "was built without CUDA");
}

TEST_CASE("ssm-generate notices that its output cannot be written") {
    const ending full = program(SSM_GENERATE, with_model({prompt}), {}, "/dev/full").wait();
    CHECK(full.status == 1);
    CHECK_THAT(full.err, Contains("standard output: ") && Contains("No space left"));
}

TEST_CASE("An interrupt ends ssm-generate after the current token") {
    const program endless(SSM_GENERATE, {model, prompt, "--tokens", "100000000", "--ignore-eos", "--threads", "1"});
    endless.interrupt_in_output();
    const ending e = endless.wait();
    CHECK(e.status == 130);
    CHECK(e.out.back() == '\n');
    CHECK_THAT(e.err, Contains("ended by interrupt"));
}

}  // namespace ssm_generate_test
