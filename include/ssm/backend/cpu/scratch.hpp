// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cpu/buffer.hpp>

#include <cstddef>

namespace ssm::cpu_kernels {

/// Memory for a product, which keeps its inputs there and up to 256 KiB of sums for each thread of the pool, or for the
/// threads of a scan in its dual form. It is the calling thread's own, as large as it has ever been needed, aligned to 64
/// bytes and valid until the thread's next call. Throws memory_error.
[[nodiscard]] inline std::byte* thread_scratch(index bytes) {
    struct alignas(64) line {
        std::byte bytes[64];
    };
    thread_local cpu_buffer<line> lines;
    const index count = (bytes + 63) / 64;
    if (static_cast<index>(lines.size()) < count) {
        lines = {};  // first, so that the two are never there together
        lines = make_cpu_buffer<line>(count, "scratch of a product or a scan");
    }
    return lines.data()->bytes;
}

}  // namespace ssm::cpu_kernels
