// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/dtype.hpp>
#include <ssm/core/error.hpp>

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace ssm {

/// Zeroed memory for packed weights, from the system and back to it: on huge pages where there are any, because a token
/// reads all of it and small pages cost 6 to 18% of the bandwidth in address translation.
/// Throws memory_error naming `purpose` and the bytes.
[[nodiscard]] inline std::shared_ptr<std::byte> make_weight_memory(index bytes, const std::string& purpose) {
    constexpr std::size_t huge_page = std::size_t{2} << 20;
    const auto size = static_cast<std::size_t>(bytes);
    // Room to begin on a huge page; what is never touched takes no memory.
    const std::size_t reserved = size < huge_page ? size : size + huge_page;
    if (size == 0) return nullptr;
    void* const start = ::mmap(nullptr, reserved, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED)
        throw memory_error({purpose,
                            {},
                            std::to_string(bytes) + " bytes of weights",
                            {},
                            "out of memory; a smaller model or dtype needs less"});
    auto* aligned = static_cast<std::byte*>(start);
    if (size >= huge_page) {
        aligned += (huge_page - reinterpret_cast<std::uintptr_t>(start) % huge_page) % huge_page;
#if defined(MADV_HUGEPAGE)
        (void)::madvise(aligned, size, MADV_HUGEPAGE);  // advice: small pages serve as well
#endif
    }
    return {aligned, [start, reserved](std::byte*) { ::munmap(start, reserved); }};
}

}  // namespace ssm
