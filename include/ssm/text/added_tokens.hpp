// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/error.hpp>
#include <ssm/core/model_config.hpp>
#include <ssm/io/json.hpp>
#include <ssm/text/oniguruma_pattern.hpp>
#include <ssm/text/regex.hpp>
#include <ssm/text/unicode_ranges.hpp>
#include <ssm/text/utf8.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace ssm {

/// An entry of "added_tokens": a string that is one token wherever it stands in a text.
struct added_token {
    token_id id = 0;
    std::string content;
    bool special = false;      ///< control, not text: only found when asked for
    bool single_word = false;  ///< only where no letter, digit or mark touches it
    bool lstrip = false;       ///< takes the white space before it
    bool rstrip = false;       ///< takes the white space after it
    bool normalized = false;   ///< looked for after the other added tokens, in normalized text
};

/// Reads the field "added_tokens", which may be null. Throws config_error.
[[nodiscard]] inline std::vector<added_token> read_added_tokens(const json& list, const std::string& source) {
    std::vector<added_token> tokens;
    if (list.is_null()) return tokens;
    if (!list.is_array()) throw config_error({source, {}, text_of(list), "a list", {}});
    for (std::size_t i = 0; i < list.size(); ++i) {
        const json_fields fields(list[i], source + "[" + std::to_string(i) + "]");
        added_token token;
        token.id = static_cast<token_id>(fields.integer("id", 0, std::numeric_limits<token_id>::max() - 1));
        token.content = fields.text("content");
        if (token.content.empty()) throw fields.mistyped("content", "", "a string that is not empty");
        token.special = fields.boolean("special", false);
        token.single_word = fields.boolean("single_word", false);
        token.lstrip = fields.boolean("lstrip", false);
        token.rstrip = fields.boolean("rstrip", false);
        token.normalized = fields.boolean("normalized", !token.special);
        tokens.push_back(std::move(token));
    }
    return tokens;
}

/// Finds the longest of many strings that a text goes on with.
class string_set {
public:
    void insert(std::string_view text, std::size_t value) {
        starts_[static_cast<unsigned char>(text.front())] = true;
        std::uint32_t node = 0;
        for (const char c : text) {
            const auto [next, is_new] = edges_.try_emplace(edge(node, c), static_cast<std::uint32_t>(values_.size()));
            if (is_new) values_.emplace_back();
            node = next->second;
        }
        values_[node] = value;
    }

    struct match {
        std::size_t value;
        std::size_t length;
    };

    /// The longest string at the front of `text`, if any.
    [[nodiscard]] std::optional<match> longest(std::string_view text) const {
        if (text.empty() || !starts_[static_cast<unsigned char>(text.front())]) return std::nullopt;
        std::optional<match> best;
        std::uint32_t node = 0;
        for (std::size_t length = 0; length < text.size();) {
            const auto next = edges_.find(edge(node, text[length]));
            if (next == edges_.end()) break;
            node = next->second;
            ++length;
            if (values_[node]) best = match{*values_[node], length};
        }
        return best;
    }

    [[nodiscard]] bool empty() const noexcept { return edges_.empty(); }

private:
    static std::uint64_t edge(std::uint32_t node, char c) noexcept {
        return static_cast<std::uint64_t>(node) << 8 | static_cast<unsigned char>(c);
    }

    std::array<bool, 256> starts_{};                          // first bytes
    std::unordered_map<std::uint64_t, std::uint32_t> edges_;  // of a trie
    std::vector<std::optional<std::size_t>> values_{1};       // of its nodes; node 0 is the root
};

/// Cuts texts at added tokens: leftmost first, of those the longest; what is not `normalized` before what is.
/// Source: `AddedVocabulary` of Hugging Face `tokenizers`.
class added_tokens {
public:
    added_tokens() = default;
    explicit added_tokens(std::vector<added_token> tokens) : tokens_(std::move(tokens)) {
        for (std::size_t i = 0; i < tokens_.size(); ++i)
            (tokens_[i].normalized ? normalized_ : verbatim_).insert(tokens_[i].content, i);
    }

    [[nodiscard]] const std::vector<added_token>& tokens() const noexcept { return tokens_; }

    /// Calls `on_text(std::string_view)` for text, `on_token(token_id)` for added tokens, in order, and for text that is
    /// to be normalized `normalize(std::string_view)` before it is searched again.
    /// Special tokens count as text unless `parse_special`.
    template <class Normalize, class OnText, class OnToken>
    void cut(std::string_view text, bool parse_special, Normalize&& normalize, OnText&& on_text,
             OnToken&& on_token) const {
        const auto on_rest = [&](std::string_view rest) {
            normalize(rest);
            cut_at(normalized_, rest, parse_special, on_text, on_token);
        };
        cut_at(verbatim_, text, parse_special, on_rest, on_token);
    }

private:
    template <class OnText, class OnToken>
    void cut_at(const string_set& set, std::string_view text, bool parse_special, OnText& on_text,
                OnToken& on_token) const {
        std::size_t done = 0;
        for (std::size_t at = 0; !set.empty() && at < text.size();) {
            const auto match = set.longest(text.substr(at));
            if (!match) {
                ++at;
                continue;
            }
            const added_token& token = tokens_[match->value];
            std::size_t first = at;
            std::size_t last = at + match->length;
            at = last;  // what is passed over here is not looked at again, as in the reference
            if (token.special && !parse_special) continue;
            if (token.single_word && touches_word(text.substr(0, first), text.substr(last))) continue;
            if (token.lstrip) first = std::max(skip_space_back(text.substr(0, first), done), done);
            if (token.rstrip) last += space_length(text.substr(last));
            if (done < first) on_text(text.substr(done, first - done));
            on_token(token.id);
            done = last;
        }
        if (done < text.size()) on_text(text.substr(done));
    }

    static bool touches_word(std::string_view before, std::string_view after) {
        return (!before.empty() && is_word(before.substr(last_character(before)))) ||
               (!after.empty() && is_word(after.substr(0, first_utf8(after).length)));
    }
    static bool is_word(std::string_view character) {
        static const regex word(oniguruma_pattern::to_pcre2("\\w", "added_tokens"), "added_tokens");
        return regex_search(word).find(character, 0).has_value();
    }
    static bool is_space(std::string_view text) { return is_in(white_space_ranges, first_utf8(text).code); }

    /// Where the white space at the end of `text` starts, looking back no further than `limit`.
    static std::size_t skip_space_back(std::string_view text, std::size_t limit) {
        while (text.size() > limit) {
            const std::size_t at = last_character(text);
            if (!is_space(text.substr(at))) break;
            text = text.substr(0, at);
        }
        return text.size();
    }
    static std::size_t space_length(std::string_view text) {
        std::size_t length = 0;
        while (length < text.size() && is_space(text.substr(length))) length += first_utf8(text.substr(length)).length;
        return length;
    }

    std::vector<added_token> tokens_;
    string_set verbatim_;
    string_set normalized_;
};

}  // namespace ssm
