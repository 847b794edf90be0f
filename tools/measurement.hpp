// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/dtype.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

/// \file
/// What ssm-bench found, and the three forms in which it can be printed.
namespace ssm::tools {

/// Median and standard deviation of a sample.
struct statistics {
    double median = 0;
    double deviation = 0;
};

[[nodiscard]] inline statistics statistics_of(std::vector<double> sample) {
    if (sample.empty()) return {};
    statistics result;
    const auto count = static_cast<double>(sample.size());
    const double mean = std::accumulate(sample.begin(), sample.end(), 0.0) / count;
    double squares = 0;
    for (const double value : sample) squares += (value - mean) * (value - mean);
    if (sample.size() > 1) result.deviation = std::sqrt(squares / (count - 1));
    std::sort(sample.begin(), sample.end());
    result.median = (sample[(sample.size() - 1) / 2] + sample[sample.size() / 2]) / 2;
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
    double percent;              ///< of each repeat's own limit, the median
    index scratch_bytes;         ///< of the session
};

/// What all rows share.
struct report {
    std::string model;
    std::string dtype;
    std::string device = "CPU";
    index weight_bytes = 0;
    index bytes_per_token = 0;  ///< of weights that decoding a token reads
    index state_bytes = 0;
    index peak_memory = 0;                         ///< bytes of the program, with its first model loaded and run
    std::optional<index> peak_device_memory = {};  ///< bytes, of a device with memory of its own
    std::vector<measurement> rows = {};
};

[[nodiscard]] inline std::string table(const report& r) {
    char line[256];
    const auto megabytes = [](index bytes) { return static_cast<double>(bytes) * 1e-6; };
    std::snprintf(line, sizeof line,
                  ", %s, on %s: %.1f MB of weights, %.1f MB read a token, %.2f MB of state, memory "
                  "peak %.1f MB",
                  r.dtype.c_str(), r.device.c_str(), megabytes(r.weight_bytes), megabytes(r.bytes_per_token),
                  megabytes(r.state_bytes), megabytes(r.peak_memory));
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
                      m.threads ? std::to_string(*m.threads).c_str() : "-", m.tokens, m.rate.median, m.rate.deviation,
                      m.throughput, m.unit, m.percent);
        text += line;
    }
    return text;
}

[[nodiscard]] inline std::string csv(const report& r) {
    std::string text =
        "model,dtype,device,weight_bytes,bytes_per_token,state_bytes,peak_memory,peak_device_memory,phase,threads,"
        "tokens,scratch_"
        "bytes,tokens_per_second,"
        "deviation,throughput,unit,limit,percent_of_limit\n";
    // A folder's name may hold a comma or a quote.
    std::string model = "\"";
    for (const char c : r.model) model += c == '"' ? std::string("\"\"") : std::string(1, c);
    for (const measurement& m : r.rows) {
        char line[256];
        std::snprintf(line, sizeof line, "\",%s,\"%s\",%td,%td,%td,%td,%s,%s,%s,%td,%td,%.6g,%.6g,%.6g,%s,%.6g,%.6g\n",
                      r.dtype.c_str(), r.device.c_str(), r.weight_bytes, r.bytes_per_token, r.state_bytes,
                      r.peak_memory, r.peak_device_memory ? std::to_string(*r.peak_device_memory).c_str() : "",
                      m.phase.c_str(), m.threads ? std::to_string(*m.threads).c_str() : "", m.tokens, m.scratch_bytes,
                      m.rate.median, m.rate.deviation, m.throughput, m.unit, m.limit, m.percent);
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
                                {"peak_memory", r.peak_memory},
                                {"rows", nlohmann::ordered_json::array()}};
    if (r.peak_device_memory) root["peak_device_memory"] = *r.peak_device_memory;
    for (const measurement& m : r.rows)
        root["rows"].push_back({{"phase", m.phase},
                                {"threads", m.threads ? nlohmann::ordered_json(*m.threads) : nlohmann::ordered_json()},
                                {"tokens", m.tokens},
                                {"scratch_bytes", m.scratch_bytes},
                                {"tokens_per_second", m.rate.median},
                                {"deviation", m.rate.deviation},
                                {"throughput", m.throughput},
                                {"unit", m.unit},
                                {"limit", m.limit},
                                {"percent_of_limit", m.percent}});
    return root.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace ssm::tools
