// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/io/checkpoint.hpp>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "io/sample_files.hpp"
#include "support/catch.hpp"
#include "tools/program.hpp"

namespace ssm_quantize_test {

namespace {

using Catch::Contains;
using ssm::test::ending;
using ssm::test::program;
using words = std::vector<std::string>;

const std::string model = SSM_SOURCE_DIR "/models/fairy-tiny";

ending quantize(const words& arguments) { return program(SSM_QUANTIZE, arguments).wait(); }

}  // namespace

TEST_CASE("ssm-quantize writes a folder that is loaded like any other, with the numbers of quantizing at load") {
    const ssm::test::temporary_folder folder;
    for (const std::string type : {"q8", "q4"}) {
        CAPTURE(type);
        const std::string to = folder.path() / type;
        const ending e = quantize({model, to, "--dtype", type});
        REQUIRE(e.status == 0);
        CHECK(e.out == "");
        CHECK_THAT(e.err, Contains("of weights, 5.3 MB before"));

        const auto text = [](const std::string& from, const words& more) {
            words arguments{from, "Once upon a time", "--tokens", "24", "--temperature", "0", "--threads", "1", "-q"};
            arguments.insert(arguments.end(), more.begin(), more.end());
            const ending generated = program(SSM_GENERATE, arguments).wait();
            CHECK(generated.status == 0);
            return generated.out;
        };
        CHECK(text(to, {}) == text(model, {"--dtype", type}));

        const auto before = ssm::hf_checkpoint::open(model), after = ssm::hf_checkpoint::open(to);
        CHECK(after.names() == before.names());
        ssm::index quantized = 0;
        for (const std::string& name : after.names()) {
            const auto old_tensor = before.find(name), new_tensor = after.find(name);
            CHECK(new_tensor->shape == old_tensor->shape);
            quantized += is_quantized(new_tensor->type);
            if (!is_quantized(new_tensor->type)) CHECK(new_tensor->type == old_tensor->type);
        }
        CHECK(quantized == 9 * 4 + 1);
        CHECK(after.bytes() < before.bytes() * (type == "q8" ? 60 : 35) / 100);

        CHECK_THAT(quantize({to, to + "-again", "--dtype", "q4"}).err, Contains("dtype " + type));
        CHECK_THAT(quantize({model, to, "--dtype", type}).err, Contains("a new or empty folder"));
    }
}

TEST_CASE("ssm-quantize refuses what it cannot write or read") {
    const ssm::test::temporary_folder folder;
    const std::string to = folder.path() / "to";
    CHECK(quantize({model, to}).status == 2);
    CHECK(quantize({model, to, "--dtype", "bf16"}).status == 2);
    CHECK(quantize({"/no/such/folder", to, "--dtype", "q8"}).status == 1);
    CHECK_THAT(quantize({model, "/proc/none", "--dtype", "q8"}).err, Contains("/proc/none: cannot be made"));
}

TEST_CASE("ssm-perplexity measures a dtype against f32") {
    const ssm::test::temporary_folder folder;
    std::string tale;
    for (int i = 0; i < 3; ++i)  // 63 tokens: five windows of 32, 8 apart
        tale += "Once upon a time there was a king who had three daughters, and all were fair.\n";
    const std::string file = folder.write("tale.txt", tale);
    const auto measure = [&](const words& more) {
        words arguments{model, file, "--threads", "1", "-q"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return program(SSM_PERPLEXITY, arguments).wait();
    };
    const ending q8 = measure({"--dtype", "q8"});
    REQUIRE(q8.status == 0);
    CHECK(q8.err == "");
    CHECK_THAT(q8.out, Contains("q8           perplexity ") && Contains("f32          perplexity ") &&
                           Contains("divergence   0.00") && Contains("agreement"));

    // The weights are bf16, so f32 holds the same numbers.
    CHECK_THAT(measure({}).out, Contains("divergence   0.000000 +- 0.000000") && Contains("agreement    100.000 +-"));

    // Every token but the first is predicted once with a stride, and one fewer a window without.
    const auto line = [](const std::string& text) { return text.substr(0, text.find('\n')); };
    const std::string strided = line(measure({"--window", "32", "--stride", "8", "--alone"}).out);
    const std::string whole = line(measure({"--window", "100000", "--alone"}).out);
    CHECK(strided.substr(0, strided.find(" predicted")) == whole.substr(0, whole.find(" predicted")));
    CHECK_THAT(measure({"--alone"}).out, !Contains("divergence"));

    CHECK(measure({"--stride", "2000"}).status == 2);
    CHECK(measure({"--window", "1"}).status == 2);
    CHECK(program(SSM_PERPLEXITY, {model, "/no/such/text"}).wait().status == 1);
}

}  // namespace ssm_quantize_test
