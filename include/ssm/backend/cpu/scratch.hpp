// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cpu/buffer.hpp>

#include <cstddef>

namespace ssm::cpu_kernels {

/// Memory for what a product keeps of its inputs: the calling thread's own, as large as its largest product has needed,
/// aligned to 64 bytes and valid until the thread's next call. Throws memory_error.
[[nodiscard]] inline std::byte* thread_scratch(index bytes) {
    struct alignas(64) line {
        std::byte bytes[64];
    };
    thread_local cpu_buffer<line> lines;
    const index count = (bytes + 63) / 64;
    if (static_cast<index>(lines.size()) < count) {
        lines = {};  // first, so that the two are never there together
        lines = make_cpu_buffer<line>(count, "inputs of a product");
    }
    return lines.data()->bytes;
}

}  // namespace ssm::cpu_kernels
