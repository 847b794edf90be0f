// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/text/utf8.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ssm {

/// The map of GPT-2 between bytes and printable characters: a byte that Latin-1 prints stands for itself, the others are
/// numbered from U+0100 in order. Every character is below `byte_level_end`.
/// Source: `bytes_to_unicode` of the GPT-2 release, as `tokenizers` has it.
inline constexpr std::uint32_t byte_level_end = 0x144;

/// The character of each byte.
inline constexpr std::array<std::uint16_t, 256> byte_level_characters = [] {
    std::array<std::uint16_t, 256> characters{};
    std::uint16_t next = 0x100;
    for (std::size_t byte = 0; byte < 256; ++byte) {
        const bool printable = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte != 0xad);
        characters[byte] = printable ? static_cast<std::uint16_t>(byte) : next++;
    }
    return characters;
}();

/// The byte of each character, -1 for a character that stands for none.
inline constexpr std::array<std::int16_t, byte_level_end> byte_level_bytes = [] {
    std::array<std::int16_t, byte_level_end> bytes{};
    for (auto& byte : bytes) byte = -1;
    for (std::size_t byte = 0; byte < 256; ++byte) bytes[byte_level_characters[byte]] = static_cast<std::int16_t>(byte);
    return bytes;
}();

/// Appends the characters of `bytes`, in UTF-8: one or two bytes for each.
inline void append_byte_level(std::string& text, std::string_view bytes) {
    for (const char c : bytes) {
        const unsigned code = byte_level_characters[static_cast<unsigned char>(c)];
        if (code < 0x80) {
            text += static_cast<char>(code);
        } else {
            text += static_cast<char>(0xc0U | code >> 6);
            text += static_cast<char>(0x80U | (code & 0x3fU));
        }
    }
}

/// The bytes that valid UTF-8 `text` stands for; nothing when one of its characters stands for no byte.
[[nodiscard]] inline std::optional<std::string> bytes_of_byte_level(std::string_view text) {
    std::string bytes;
    while (!text.empty()) {
        const utf8_unit unit = first_utf8(text);
        if (unit.code >= byte_level_end || byte_level_bytes[unit.code] < 0) return std::nullopt;
        bytes += static_cast<char>(byte_level_bytes[unit.code]);
        text.remove_prefix(unit.length);
    }
    return bytes;
}

}  // namespace ssm
