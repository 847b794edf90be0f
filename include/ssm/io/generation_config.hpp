// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/model_config.hpp>
#include <ssm/io/file.hpp>
#include <ssm/io/hf_config.hpp>
#include <ssm/io/json.hpp>

#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace ssm {

/// What generation_config.json advises; a missing field keeps the value here, which changes nothing.
struct generation_config {
    bool do_sample = false;  ///< draw from the distribution rather than take the most likely token
    double temperature = 1;
    index top_k = 0;  ///< 0 is all
    double top_p = 1;
    double min_p = 0;
    double repetition_penalty = 1;
    std::vector<token_id> eos_ids;  ///< ids that end a text, besides those of config.json
};

/// Throws config_error naming the field, format_error when `text` is not JSON.
[[nodiscard]] inline generation_config parse_generation_config(std::string_view text, const std::string& source) {
    const json parsed = parse_json(text, source);
    const json_fields fields(parsed, source);
    generation_config config;
    config.do_sample = fields.boolean("do_sample", config.do_sample);
    config.temperature = fields.number("temperature", 0, 100, config.temperature);
    config.top_k = fields.integer("top_k", 0, 1'000'000, config.top_k);
    config.top_p = fields.number("top_p", 0, 1, config.top_p);
    config.min_p = fields.number("min_p", 0, 1, config.min_p);
    config.repetition_penalty = fields.number("repetition_penalty", 0.01, 100, config.repetition_penalty);
    config.eos_ids = token_ids(fields, "eos_token_id");
    return config;
}

/// `parse_generation_config` of a file that may be missing.
[[nodiscard]] inline generation_config read_generation_config(const std::filesystem::path& path) {
    std::error_code ignored;
    if (std::filesystem::status(path, ignored).type() == std::filesystem::file_type::not_found) return {};
    return parse_generation_config(read_text_file(path), path.string());
}

}  // namespace ssm
