// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/error.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace ssm {

/// Rewrites a pattern as tokenizer.json writes it (Oniguruma, Ruby syntax) for PCRE2, so that both find the same:
/// `\s` and `\w` stand for different characters there. What reads differently in a way that has no short
/// counterpart is refused: nested, intersected and POSIX classes, group options other than `i`, `{n}+`, `{n}?`,
/// `{,n}`, verbs, and escapes such as `\b`, `\h`, `\K` and `\1`.
class oniguruma_pattern {
public:
    /// Throws config_error naming `source`.
    [[nodiscard]] static std::string to_pcre2(std::string_view pattern, const std::string& source) {
        return oniguruma_pattern(pattern, source).rewrite();
    }

private:
    oniguruma_pattern(std::string_view pattern, const std::string& source) : in_(pattern), source_(source) {}

    std::string rewrite() {
        bool in_class = false;
        while (at_ < in_.size()) {
            const char c = in_[at_];
            if (c == '\\') {
                escape(in_class);
                continue;
            }
            if (in_class) {
                if (c == '[') refuse("a class inside a class");
                if (starts("&&")) refuse("an intersection of classes");
                if (c == ']') in_class = false;
            } else if (c == '[') {
                in_class = true;
                open_class();
                continue;
            } else if (starts("(?")) {
                check_group();
            } else if (starts("}+") || starts("}?") || starts("{,")) {
                refuse("one of \"}+\", \"}?\" and \"{,\"");
            } else if (starts("(*")) {
                refuse("a verb");
            }
            out_ += in_[at_++];
        }
        return out_;
    }

    void open_class() {
        const std::string_view opening = starts("[^") ? "[^" : "[";
        out_ += opening;
        at_ += opening.size();
        if (starts("]")) refuse("a class that starts with \"]\"");
    }

    void escape(bool in_class) {
        if (at_ + 1 == in_.size()) refuse("a lone backslash at the end");
        const char c = in_[at_ + 1];
        at_ += 2;
        switch (c) {
            case 's': out_ += in_class ? space : "[" + space + "]"; return;
            case 'w': out_ += in_class ? word : "[" + word + "]"; return;
            case 'S': out_ += in_class ? "\\S\\x{180e}" : "[^" + space + "]"; return;
            default: break;
        }
        constexpr std::string_view same = "dDpPrntfxA";  // with the same meaning in both
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        const bool is_digit = c >= '0' && c <= '9';
        if (c == 'W' && !in_class) {
            out_ += "[^" + word + "]";
            return;
        }
        if (is_digit || (letter && same.find(c) == std::string_view::npos)) refuse(std::string("the escape \\") + c);
        out_ += '\\';
        out_ += c;
        if (letter && starts("{")) copy_braces();
    }

    /// The name in `\p{...}` or the number in `\x{...}`.
    void copy_braces() {
        const std::size_t end = in_.find('}', at_);
        if (end == std::string_view::npos) refuse("an open brace");
        out_ += in_.substr(at_, end + 1 - at_);
        at_ = end + 1;
    }

    /// Inline options: `i` alone means the same.
    void check_group() {
        for (std::size_t i = at_ + 2; i < in_.size(); ++i) {
            const char c = in_[i];
            if (c == ':' || c == ')' || c == '=' || c == '!' || c == '>' || c == '<') return;
            if (c != 'i' && c != '-') refuse(std::string("the group option \"") + c + "\"");
        }
    }

    [[nodiscard]] bool starts(std::string_view part) const { return in_.substr(at_, part.size()) == part; }

    [[noreturn]] void refuse(const std::string& found) const {
        throw config_error({source_, "regular expression", found + " at byte " + std::to_string(at_),
                            "what Oniguruma and PCRE2 read alike", "write it in another way"});
    }

    // PCRE2's own \s also has U+180E; its \w lacks marks and connectors. \w: Alphabetic, marks, Nd, Pc, join controls.
    static inline const std::string space = R"(\t-\r\x{85}\p{Z})";
    static inline const std::string word =
        R"(\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\x{200c}\x{200d}\x{24b6}-\x{24e9}\x{1f130}-\x{1f149}\x{1f150}-\x{1f169}\x{1f170}-\x{1f189})";

    std::string_view in_;
    std::string source_;
    std::size_t at_ = 0;
    std::string out_;
};

}  // namespace ssm
