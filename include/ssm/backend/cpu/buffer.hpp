// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/dtype.hpp>
#include <ssm/core/error.hpp>

#include <limits>
#include <new>
#include <string>
#include <vector>

namespace ssm {

/// Host memory of the CPU backend: a value, zero when new.
template <class T>
using cpu_buffer = std::vector<T>;

/// A buffer of `count` zeros. Throws memory_error, naming `purpose` and the bytes, when there is no room.
template <class T>
[[nodiscard]] cpu_buffer<T> make_cpu_buffer(index count, const char* purpose) {
    const auto refuse = [&](const char* why) {
        return memory_error(
            {purpose, {}, std::to_string(count) + " elements of " + std::to_string(sizeof(T)) + " bytes", {}, why});
    };
    if (count < 0 || static_cast<std::size_t>(count) > std::numeric_limits<index>::max() / sizeof(T))
        throw refuse("the size overflows");
    try {
        return cpu_buffer<T>(static_cast<std::size_t>(count));
    } catch (const std::bad_alloc&) {
        throw refuse("out of memory; a smaller prefill chunk, model or dtype needs less");
    }
}

}  // namespace ssm
