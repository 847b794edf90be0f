// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

// Any text is a config.json or an ssm::error, and a generation_config.json or an ssm::error.
#include <ssm/core/error.hpp>
#include <ssm/io/generation_config.hpp>
#include <ssm/io/hf_config.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    try {
        (void)ssm::parse_hf_config(text, "fuzz");
    } catch (const ssm::error&) {
    }
    try {
        (void)ssm::parse_generation_config(text, "fuzz");
    } catch (const ssm::error&) {
    }
    return 0;
}
