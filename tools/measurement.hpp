// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/dtype.hpp>

#include <nlohmann/json.hpp>

#include <cmath>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

/// \file
/// What ssm-bench found, and the three forms in which it can be printed.
namespace ssm::tools {

/// Mean and standard deviation of a sample.
struct statistics {
    double mean = 0;
    double deviation = 0;
};

[[nodiscard]] inline statistics statistics_of(const std::vector<double>& sample) {
    statistics result;
    const auto count = static_cast<double>(sample.size());
    for (const double value : sample) result.mean += value / count;
    double squares = 0;
    for (const double value : sample) squares += (value - result.mean) * (value - result.mean);
    if (sample.size() > 1) result.deviation = std::sqrt(squares / (count - 1));
    return result;
}

/// One row: a phase ("prefill" or "decode") on some threads, with what it asks of the machine at its bottleneck:
/// GFLOP/s against the arithmetic peak in prefill, GB/s of weights against the read bandwidth in decode.
struct measurement {
    std::string phase;
    std::optional<int> threads;  ///< on the CPU
    index tokens;                ///< of one repeat
    statistics rate;             ///< tokens a second
    const char* unit;            ///< "GFLOP/s" or "GB/s"
    double throughput;           ///< in that unit
    double limit;                ///< what the machine can do, in that unit
    index scratch_bytes;         ///< of the session

    [[nodiscard]] double percent() const { return 100 * throughput / limit; }
};

/// What all rows share.
struct report {
    std::string model;
    std::string dtype;
    std::string device = "CPU";
    index weight_bytes = 0;
    index bytes_per_token = 0;  ///< of weights that decoding a token reads
    index state_bytes = 0;
    std::optional<index> peak_device_memory = {};  ///< bytes, of a device with memory of its own
    std::vector<measurement> rows = {};
};

[[nodiscard]] inline std::string table(const report& r) {
    char line[256];
    const auto megabytes = [](index bytes) { return static_cast<double>(bytes) * 1e-6; };
    std::snprintf(line, sizeof line, ", %s, on %s: %.1f MB of weights, %.1f MB read a token, %.2f MB of state",
                  r.dtype.c_str(), r.device.c_str(), megabytes(r.weight_bytes), megabytes(r.bytes_per_token),
                  megabytes(r.state_bytes));
    std::string text = r.model + line;
    if (r.peak_device_memory) {
        std::snprintf(line, sizeof line, ", device memory peak %.1f MB", megabytes(*r.peak_device_memory));
        text += line;
    }
    text += "\n\n";
    std::snprintf(line, sizeof line, "%-8s %7s %7s %12s %10s %11s %8s %9s\n", "phase", "threads", "tokens", "tokens/s",
                  "+-", "throughput", "", "of limit");
    text += line;
    for (const measurement& m : r.rows) {
        std::snprintf(line, sizeof line, "%-8s %7s %7td %12.2f %10.2f %11.2f %-8s %8.1f%%\n", m.phase.c_str(),
                      m.threads ? std::to_string(*m.threads).c_str() : "-", m.tokens, m.rate.mean, m.rate.deviation,
                      m.throughput, m.unit, m.percent());
        text += line;
    }
    return text;
}

[[nodiscard]] inline std::string csv(const report& r) {
    std::string text =
        "model,dtype,device,weight_bytes,bytes_per_token,state_bytes,peak_device_memory,phase,threads,tokens,scratch_"
        "bytes,tokens_per_second,"
        "deviation,throughput,unit,limit,percent_of_limit\n";
    // A folder's name may hold a comma or a quote.
    std::string model = "\"";
    for (const char c : r.model) model += c == '"' ? std::string("\"\"") : std::string(1, c);
    for (const measurement& m : r.rows) {
        char line[256];
        std::snprintf(line, sizeof line, "\",%s,\"%s\",%td,%td,%td,%s,%s,%s,%td,%td,%.6g,%.6g,%.6g,%s,%.6g,%.6g\n",
                      r.dtype.c_str(), r.device.c_str(), r.weight_bytes, r.bytes_per_token, r.state_bytes,
                      r.peak_device_memory ? std::to_string(*r.peak_device_memory).c_str() : "", m.phase.c_str(),
                      m.threads ? std::to_string(*m.threads).c_str() : "", m.tokens, m.scratch_bytes, m.rate.mean,
                      m.rate.deviation, m.throughput, m.unit, m.limit, m.percent());
        text += model + line;
    }
    return text;
}

[[nodiscard]] inline std::string json(const report& r) {
    nlohmann::ordered_json root{{"model", r.model},
                                {"dtype", r.dtype},
                                {"device", r.device},
                                {"weight_bytes", r.weight_bytes},
                                {"bytes_per_token", r.bytes_per_token},
                                {"state_bytes", r.state_bytes},
                                {"rows", nlohmann::ordered_json::array()}};
    if (r.peak_device_memory) root["peak_device_memory"] = *r.peak_device_memory;
    for (const measurement& m : r.rows)
        root["rows"].push_back({{"phase", m.phase},
                                {"threads", m.threads ? nlohmann::ordered_json(*m.threads) : nlohmann::ordered_json()},
                                {"tokens", m.tokens},
                                {"scratch_bytes", m.scratch_bytes},
                                {"tokens_per_second", m.rate.mean},
                                {"deviation", m.rate.deviation},
                                {"throughput", m.throughput},
                                {"unit", m.unit},
                                {"limit", m.limit},
                                {"percent_of_limit", m.percent()}});
    return root.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace ssm::tools
