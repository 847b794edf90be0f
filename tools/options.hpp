// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/dtype.hpp>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <limits>
#include <optional>
#include <string>

#include "device_model.hpp"

/// \file
/// Options that the programs share.
namespace ssm::tools {

/// --dtype: what weights are kept in.
inline void add_dtype_option(CLI::App& app, std::optional<dtype>& type, const char* description) {
    app.add_option_function<std::string>(
           "--dtype",
           [&type](const std::string& name) {
               for (const dtype candidate : {dtype::f32, dtype::bf16, dtype::f16, dtype::q8, dtype::q4})
                   if (name == name_of(candidate)) type = candidate;
           },
           description)
        ->check(CLI::IsMember({"f32", "bf16", "f16", "q8", "q4"}))
        ->type_name("f32|bf16|f16|q8|q4");
}

/// --prefill: how many tokens of a prompt are read at once; whole is more than there are.
inline void add_prefill_option(CLI::App& app, index& chunk) {
    app.add_option_function<std::string>(
           "--prefill",
           [&chunk](const std::string& text) {
               if (text == "whole")
                   chunk = std::numeric_limits<index>::max();
               else if (!CLI::detail::lexical_cast(text, chunk) || chunk < 1)
                   throw CLI::ValidationError("--prefill", "found " + text + ", expected whole or a number from 1");
           },
           "Read the prompt whole or in chunks of so many tokens")
        ->type_name("whole|N")
        ->default_str(std::to_string(chunk));
}

/// --device: the CPU, or the current GPU.
inline void add_device_option(CLI::App& app, device_kind& device) {
    app.add_option_function<std::string>(
           "--device",
           [&device](const std::string& name) { device = name == "cuda" ? device_kind::cuda : device_kind::cpu; },
           "Compute on the CPU or on the GPU; without one, cuda is an error")
        ->check(CLI::IsMember({"cpu", "cuda"}))
        ->type_name("cpu|cuda")
        ->default_str("cpu");
}

/// Throws CLI::ValidationError when `option`, which means nothing to another device than the CPU, was given for one.
inline void require_cpu(device_kind device, const CLI::Option& option) {
    if (device != device_kind::cpu && option.count() > 0)
        throw CLI::ValidationError(option.get_name(), "is for --device cpu only");
}

/// Tokens of a prompt that are read at once: what was asked for, or all if there are fewer.
inline index chunk_for(index asked, std::size_t prompt_tokens) {
    return std::min(asked, std::max(index{1}, static_cast<index>(prompt_tokens)));
}

}  // namespace ssm::tools
