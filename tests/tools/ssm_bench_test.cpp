// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include <algorithm>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "tools/program.hpp"

namespace ssm_bench_test {

namespace {

using Catch::Contains;
using ssm::test::ending;
using words = std::vector<std::string>;

/// A short run on the small model; these are tests of the report, not of speed.
ending bench(const words& more) {
    words arguments{
        SSM_SOURCE_DIR "/models/fairy-tiny", "--prompt", "8", "--decode", "4", "--repeat", "2", "--unoptimised"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return ssm::test::program(SSM_BENCH, arguments).wait();
}

}  // namespace

TEST_CASE("ssm-bench measures a folder and prints JSON") {
    const ending e = bench({"--threads", "1,2", "--format", "json", "--dtype", "f32"});
    REQUIRE(e.status == 0);
    const auto report = nlohmann::json::parse(e.out);
    CHECK(report["dtype"] == "f32");
    CHECK(report["device"] == "CPU");
    // The head is tied to the embedding: all weights are read for a token.
    CHECK(report["bytes_per_token"] == report["weight_bytes"]);
    CHECK(report["state_bytes"] == 9 * (3 + 16) * 384 * 4);
    CHECK(report["peak_memory"] > report["weight_bytes"]);
    REQUIRE(report["rows"].size() == 4);
    for (const auto& row : report["rows"]) {
        CHECK(row["tokens_per_second"] > 0);
        CHECK(row["deviation"] >= 0);
        CHECK(row["percent_of_limit"] > 0);
        CHECK(row["percent_of_limit"] < 1000);
        CHECK(row["tokens"] == (row["phase"] == "prefill" ? 8 : 4));
    }
    CHECK(report["rows"][0]["threads"] == 1);
    CHECK(report["rows"][3]["threads"] == 2);
}

TEST_CASE("ssm-bench prints a table and CSV") {
    const ending table = bench({"--threads", "1"});
    CHECK(table.status == 0);
    CHECK_THAT(table.out, Contains("prefill") && Contains("decode") && Contains("GB/s") && Contains("GFLOP/s"));

    const std::string csv = bench({"--threads", "1", "--format", "csv"}).out;
    REQUIRE(std::count(csv.begin(), csv.end(), '\n') == 3);
    const std::string header = csv.substr(0, csv.find('\n'));
    const std::string row = csv.substr(header.size() + 1, csv.find('\n', header.size() + 1) - header.size() - 1);
    CHECK(std::count(row.begin(), row.end(), ',') == std::count(header.begin(), header.end(), ','));
}

TEST_CASE("ssm-bench measures Mamba and Mamba-2 as well, whose head is not its embedding") {
    for (const char* const folder : {"mamba-plain", "mamba2-plain"}) {
        const ending e = ssm::test::program(SSM_BENCH, {SSM_SOURCE_DIR "/tests/golden/" + std::string(folder),
                                                        "--prompt", "4", "--decode", "2", "--repeat", "1", "--threads",
                                                        "1", "--format", "json", "--unoptimised"})
                             .wait();
        REQUIRE(e.status == 0);
        const auto report = nlohmann::json::parse(e.out);
        CHECK(report["bytes_per_token"] < report["weight_bytes"]);
    }
}

TEST_CASE("ssm-bench refuses what it cannot measure") {
    const auto run = [](const words& arguments) { return ssm::test::program(SSM_BENCH, arguments).wait(); };
    CHECK(run({}).status == 2);
    CHECK(run({"--synthetic", "9000b"}).status == 2);
    CHECK(bench({"--repeat", "0"}).status == 2);
    CHECK(bench({"--format", "xml"}).status == 2);
    CHECK(bench({"--device", "cuda", "--threads", "1"}).status == 2);
    CHECK(bench({"--threads", "0"}).status == 1);
    CHECK(run({"/no/such/folder", "--unoptimised"}).status == 1);
}

}  // namespace ssm_bench_test
