// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/error.hpp>
#include <ssm/io/json.hpp>
#include <ssm/text/unicode_ranges.hpp>
#include <ssm/text/utf8.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace ssm {

/// The normalizer of a tokenizer.json: none, or NFC for text that is in normalization form C already.
///
/// Text as people type it is; composing the rest would need the tables of Unicode. So text that might change is refused
/// and never silently read differently from the reference.
class normalizer {
public:
    /// Reads the field "normalizer". Throws config_error for a type that is neither null nor NFC.
    normalizer(const json& description, const std::string& source) {
        if (description.is_null()) return;
        const std::string type = json_fields(description, source).text("type");
        if (type != "NFC") throw config_error({source, "type", "\"" + type + "\"", "null or NFC", {}});
        composes_ = true;
    }

    /// Throws argument_error when normalization might change `text`, valid UTF-8 that starts at `offset` of the caller's.
    void require_unchanged(std::string_view text, std::size_t offset) const {
        if (!composes_) return;
        for (std::size_t at = 0; at < text.size();) {
            const utf8_unit unit = first_utf8(text.substr(at));
            if (unit.code >= 0x300 && is_in(nfc_unsure_ranges, unit.code)) refuse(offset + at);
            at += unit.length;
        }
    }

private:
    [[noreturn]] static void refuse(std::size_t position) {
        throw argument_error({"text", "position " + std::to_string(position),
                              "a combining character or one that has another composed form",
                              "text in Unicode normalization form C without free combining marks",
                              "normalize the text to NFC; what stays combining is not supported"});
    }

    bool composes_ = false;
};

}  // namespace ssm
