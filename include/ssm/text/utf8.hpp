// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/error.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ssm {

/// What a run of bytes is in UTF-8.
enum class utf8_kind : std::uint8_t {
    character,  ///< one whole character
    broken,     ///< bytes that no continuation makes a character: the longest part of one that they begin with
    unfinished  ///< all bytes there are, which begin a character
};

/// The first piece of some UTF-8.
struct utf8_unit {
    utf8_kind kind;
    std::uint32_t code;  ///< the code point of a character, otherwise 0
    std::size_t length;  ///< in bytes, at least 1
};

/// What replaces a broken or unfinished piece: U+FFFD.
inline constexpr std::string_view utf8_replacement = "\xef\xbf\xbd";

/// The first piece of `bytes`, which must not be empty, by table 3-7 of the Unicode standard: no surrogates, no overlong
/// forms, at most U+10FFFF.
[[nodiscard]] constexpr utf8_unit first_utf8(std::string_view bytes) noexcept {
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
    const std::uint32_t lead = at(0);
    if (lead < 0x80) return {utf8_kind::character, lead, 1};
    if (lead < 0xc2 || lead > 0xf4) return {utf8_kind::broken, 0, 1};
    const std::size_t length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    unsigned low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    unsigned high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    std::uint32_t code = lead & (0x7fU >> length);
    for (std::size_t i = 1; i < length; ++i) {
        if (i == bytes.size()) return {utf8_kind::unfinished, 0, i};
        if (at(i) < low || at(i) > high) return {utf8_kind::broken, 0, i};
        code = code << 6 | (at(i) & 0x3fU);
        low = 0x80;
        high = 0xbf;
    }
    return {utf8_kind::character, code, length};
}

/// Where `text` stops being UTF-8, if it does.
[[nodiscard]] constexpr std::optional<std::size_t> find_broken_utf8(std::string_view text) noexcept {
    for (std::size_t at = 0; at < text.size();) {
        const utf8_unit unit = first_utf8(text.substr(at));
        if (unit.kind != utf8_kind::character) return at;
        at += unit.length;
    }
    return std::nullopt;
}

/// Moves the whole characters at the front of `bytes` to the end of `text`, with U+FFFD for each broken piece; what is
/// unfinished at the end stays in `bytes`.
inline void take_characters(std::string& bytes, std::string& text) {
    std::size_t at = 0;
    while (at < bytes.size()) {
        const utf8_unit unit = first_utf8(std::string_view(bytes).substr(at));
        if (unit.kind == utf8_kind::unfinished) break;
        text += unit.kind == utf8_kind::character ? std::string_view(bytes).substr(at, unit.length) : utf8_replacement;
        at += unit.length;
    }
    bytes.erase(0, at);
}

/// `bytes` with each maximal piece that is not UTF-8 replaced by one U+FFFD.
[[nodiscard]] inline std::string replace_broken_utf8(std::string bytes) {
    if (!find_broken_utf8(bytes)) return bytes;
    std::string text;
    take_characters(bytes, text);
    if (!bytes.empty()) text += utf8_replacement;
    return text;
}

/// Throws argument_error naming `argument` and the position of the first byte that is not UTF-8.
inline void require_utf8(std::string_view text, const char* argument) {
    if (const auto position = find_broken_utf8(text))
        throw argument_error({argument,
                              {},
                              "bytes that are not UTF-8 at position " + std::to_string(*position),
                              "UTF-8",
                              "convert the text, or ask for replacement of broken bytes"});
}

/// Where the last character of `text`, valid and not empty, starts.
[[nodiscard]] constexpr std::size_t last_character(std::string_view text) noexcept {
    std::size_t at = text.size() - 1;
    while ((static_cast<unsigned char>(text[at]) & 0xc0U) == 0x80U) --at;
    return at;
}

}  // namespace ssm
