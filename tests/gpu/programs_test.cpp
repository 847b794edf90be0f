// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

// The programs and the example that embeds, as a user runs them.
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "tools/program.hpp"

namespace {

using Catch::Contains;
using ssm::test::ending;
using ssm::test::program;
using words = std::vector<std::string>;

const std::string model = SSM_SOURCE_DIR "/models/fairy-tiny";
const std::string prompt = "Once upon a time there was a king";

/// Where a program lies: in SSM_PROGRAMS when it was built elsewhere, or where this build has it.
std::string found(const char* name, const char* built) {
    const char* const folder = std::getenv("SSM_PROGRAMS");
    return folder != nullptr ? std::string(folder) + "/" + name : built;
}

ending generate(const words& more) {
    words arguments{model, prompt, "--ignore-eos"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return program(found("ssm-generate", SSM_GENERATE), arguments).wait();
}

ending on_gpu(words more) {
    more.insert(more.end(), {"--device", "cuda"});
    return generate(more);
}

/// ssm-bench's report of the GPU.
nlohmann::json bench(const words& more) {
    words arguments{model, "--device", "cuda", "--repeat", "1", "--format", "json", "--unoptimised"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const ending e = program(found("ssm-bench", SSM_BENCH), arguments).wait();
    CAPTURE(e.err);
    REQUIRE(e.status == 0);
    return nlohmann::json::parse(e.out);
}

}  // namespace

TEST_CASE("ssm-generate writes the CPU's greedy text in float") {
    const words options{"--tokens", "200", "--temperature", "0", "--dtype", "f32"};
    const ending gpu = on_gpu(options);
    REQUIRE(gpu.status == 0);
    CHECK(gpu.out == generate(options).out);
    CHECK_THAT(gpu.err, Contains("activations in f32"));

    words penalised = options;
    penalised.insert(penalised.end(), {"--repetition-penalty", "1.5"});
    const ending other = on_gpu(penalised);
    CHECK(other.out != gpu.out);
    CHECK(other.out == generate(penalised).out);
}

TEST_CASE("ssm-generate repeats a text on the GPU from its seed, in every type") {
    for (const std::string type : {"f32", "bf16", "f16"}) {
        CAPTURE(type);
        const ending first = on_gpu({"--tokens", "60", "--seed", "7", "--dtype", type});
        CHECK_THAT(first.err, Contains("activations in " + type) && Contains("device memory peak"));
        CHECK(on_gpu({"--tokens", "60", "--seed", "7", "--dtype", type}).out == first.out);
        CHECK(on_gpu({"--tokens", "60", "--seed", "8", "--dtype", type}).out != first.out);
    }
}

TEST_CASE("ssm-generate ends on the GPU at stop strings and at an interrupt as on the CPU") {
    const words greedy{"--tokens", "60", "--temperature", "0", "--dtype", "f32"};
    const std::string text = on_gpu(greedy).out;
    words stopped = greedy;
    stopped.insert(stopped.end(), {"--stop", text.substr(20, 5)});
    CHECK(on_gpu(stopped).out == text.substr(0, text.find(text.substr(20, 5))) + "\n");

    const program endless(found("ssm-generate", SSM_GENERATE),
                          {model, prompt, "--device", "cuda", "--tokens", "100000000", "--ignore-eos"});
    endless.interrupt_in_output();
    const ending e = endless.wait();
    CHECK(e.status == 130);
    CHECK_THAT(e.err, Contains("ended by interrupt"));
}

TEST_CASE("ssm-bench reports the GPU beside its limits") {
    const auto report = bench({"--prompt", "64", "--decode", "16"});
    CHECK_THAT(report["device"].get<std::string>(), Contains("activations in bf16"));
    for (const auto& row : report["rows"]) {
        CHECK(row["tokens_per_second"] > 0);
        CHECK(row["percent_of_limit"] > 0);
        CHECK(row["percent_of_limit"] < 100);
        CHECK(row["threads"].is_null());
    }
}

TEST_CASE("Neither more tokens nor a longer prompt take more device memory") {
    const auto peak = [](const char* prompt_tokens, const char* decode) {
        return bench({"--prompt", prompt_tokens, "--decode", decode, "--prefill", "32"})["peak_device_memory"]
            .get<long long>();
    };
    const long long few = peak("40", "16");
    CHECK(few > 0);
    CHECK(peak("40", "4000") == few);
    CHECK(peak("100000", "16") == few);
}

TEST_CASE("A host application embeds a model") {
    const ending e = program(found("04_embed_cuda", SSM_EMBED), {model}).wait();
    CHECK(e.status == 0);
    CHECK(e.out.size() > 50);
}
