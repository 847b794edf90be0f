// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/dtype.hpp>

#include <CLI/CLI.hpp>
#include <limits>
#include <optional>
#include <string>

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

/// The exit status of a command line that could not be read, or that asked for help.
inline int report_usage(const CLI::App& app, const CLI::ParseError& error) { return app.exit(error) == 0 ? 0 : 2; }

}  // namespace ssm::tools
