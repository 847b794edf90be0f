// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace ssm {

/// FNV-1a of 64 bits (Fowler, Noll and Vo): a checksum and an identity, not a defence against forgery. Every step is a
/// bijection of the value so far, so that one changed byte always changes the result.
class fnv1a {
public:
    constexpr fnv1a() = default;
    /// Goes on from the value of another.
    constexpr explicit fnv1a(std::uint64_t value) noexcept : value_(value) {}

    constexpr void update(std::span<const std::byte> bytes) noexcept {
        for (const std::byte byte : bytes) add(std::to_integer<std::uint8_t>(byte));
    }
    /// The lowest `Bytes` bytes of a number, the lowest first.
    template <int Bytes = 8>
    constexpr void update(std::uint64_t number) noexcept {
        for (int i = 0; i < Bytes; ++i) add(static_cast<std::uint8_t>(number >> (8 * i)));
    }

    [[nodiscard]] constexpr std::uint64_t value() const noexcept { return value_; }

    friend constexpr bool operator==(const fnv1a&, const fnv1a&) = default;

private:
    constexpr void add(std::uint8_t byte) noexcept { value_ = (value_ ^ byte) * 0x100'0000'01b3U; }

    std::uint64_t value_ = 0xcbf2'9ce4'8422'2325U;
};

}  // namespace ssm
