// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

// Any bytes are a safetensors file whose tensors can be read to the last byte, or an ssm::error.
#include <ssm/core/error.hpp>
#include <ssm/io/safetensors.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try {
        const auto file = ssm::safetensors_file::from_bytes({std::as_bytes(std::span(data, size)), nullptr}, "fuzz");
        for (const auto& [name, entry] : file.entries()) {
            unsigned sum = 0;
            for (const std::byte b : file.bytes_of(name)) sum += std::to_integer<unsigned>(b);
            volatile unsigned sink = sum;  // so that the reads are kept
            (void)sink;
            try {
                (void)file.find(name);
            } catch (const ssm::format_error&) {  // not a weight; the others may be
            }
        }
    } catch (const ssm::error&) {
    }
    return 0;
}
