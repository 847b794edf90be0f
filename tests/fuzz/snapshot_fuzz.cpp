// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

// Any bytes are a snapshot that can be read to the last float and written again as the same bytes, or an ssm::error.
#include <ssm/core/error.hpp>
#include <ssm/generate/snapshot_format.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

namespace {

void read(const std::vector<std::byte>& bytes) {
    try {
        const ssm::snapshot_parts parts = ssm::read_snapshot(bytes, "fuzz");
        const auto again = ssm::write_snapshot(parts.fields, parts.state(), parts.logits());
        if (again != bytes) std::abort();
    } catch (const ssm::error&) {
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto input = std::as_bytes(std::span(data, size));
    std::vector<std::byte> bytes(input.begin(), input.end());
    read(bytes);
    // No mutation finds the size and the checksum, which keep damage out: made right here, the rest is reached.
    constexpr std::size_t checksum = ssm::snapshot_format::checksum;
    if (size < 24 + checksum) return 0;
    for (std::size_t i = 0; i < 8; ++i) bytes[16 + i] = static_cast<std::byte>(size >> (8 * i));
    ssm::fnv1a sum;
    sum.update(std::span(bytes).first(size - checksum));
    for (std::size_t i = 0; i < checksum; ++i)
        bytes[size - checksum + i] = static_cast<std::byte>(sum.value() >> (8 * i));
    read(bytes);
    return 0;
}
