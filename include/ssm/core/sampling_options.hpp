// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/dtype.hpp>
#include <ssm/core/error.hpp>

#include <cstdint>
#include <sstream>

namespace ssm {

/// How a token is chosen from the logits. The defaults draw from the model's own distribution.
///
/// Fields apply in the order in which they are written here, which is that of Hugging Face transformers' processors.
struct sampling_options {
    double repetition_penalty = 1;  ///< divides positive and multiplies negative logits of tokens seen; 1 is off
    index repetition_window = 0;    ///< how many of the last tokens count as seen; 0 is all of them
    double temperature = 1;         ///< divides the logits; 0 is greedy: the most likely token, whatever follows here
    index top_k = 0;                ///< only this many of the most likely tokens; 0 is all
    double top_p = 1;               ///< only the most likely tokens that together have at least this probability
    double min_p = 0;               ///< only tokens at least this many times as likely as the most likely one
    std::uint64_t seed = 0;         ///< of the draws: the same seed and logits give the same tokens everywhere
};

/// The options themselves; throws argument_error naming the option, its value and what it accepts.
[[nodiscard]] inline const sampling_options& validated(const sampling_options& options) {
    const auto require = [](const char* name, auto value, bool accepted, const char* range) {
        if (accepted) return;
        std::ostringstream found;
        found << value;
        throw argument_error({"sampling_options", name, found.str(), range, {}});
    };
    constexpr index most = 1'000'000;  // no vocabulary is larger
    const auto& o = options;
    // A NaN compares false with everything, so each test states what is accepted.
    require("repetition_penalty", o.repetition_penalty, o.repetition_penalty >= 0.01 && o.repetition_penalty <= 100,
            "0.01 to 100 (1 is off)");
    require("repetition_window", o.repetition_window, o.repetition_window >= 0 && o.repetition_window <= most,
            "0 (all tokens) to 1000000");
    require("temperature", o.temperature, o.temperature >= 0 && o.temperature <= 100, "0 (greedy) to 100");
    require("top_k", o.top_k, o.top_k >= 0 && o.top_k <= most, "0 (all tokens) to 1000000");
    require("top_p", o.top_p, o.top_p > 0 && o.top_p <= 1, "more than 0, at most 1 (off)");
    require("min_p", o.min_p, o.min_p >= 0 && o.min_p <= 1, "0 (off) to 1");
    return options;
}

}  // namespace ssm
