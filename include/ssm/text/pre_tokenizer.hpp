// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/error.hpp>
#include <ssm/io/json.hpp>
#include <ssm/text/byte_level.hpp>
#include <ssm/text/oniguruma_pattern.hpp>
#include <ssm/text/regex.hpp>
#include <ssm/text/unicode_ranges.hpp>
#include <ssm/text/utf8.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace ssm {

/// What becomes of the matches of a splitting step and of the text between them.
enum class split_behavior {
    removed,               ///< matches are dropped
    isolated,              ///< each match is a piece of its own
    contiguous,            ///< neighbouring matches are one piece
    merged_with_previous,  ///< a match ends the piece before it
    merged_with_next       ///< a match begins the piece after it
};

/// Cuts a piece of text where something matches.
struct split_step {
    /// A character of a class, a literal, or a regular expression.
    std::variant<std::span<const code_range>, std::string, regex> what;
    split_behavior behavior = split_behavior::isolated;
    bool invert = false;  ///< what matches and what lies between change places
};

/// Maps each byte to its printable character, after cutting into words when `words` is there.
struct byte_level_step {
    bool add_prefix_space = false;
    std::optional<regex> words;
};

/// The pre-tokenizer of a tokenizer.json: steps that each cut the pieces of the one before. A step after the byte level
/// sees the mapped characters, as the reference does, so that it may cut inside a character of the text.
/// Letters and numbers in patterns are those of PCRE2's Unicode version (14 in PCRE2 10.42): a character that is newer than
/// it may be cut where the reference, with a newer version, does not.
/// Source: the `pre_tokenizers` of Hugging Face `tokenizers`.
class pre_tokenizer {
public:
    using step = std::variant<split_step, byte_level_step>;

    /// Reads the field "pre_tokenizer". Throws config_error for types and options it does not know, and unless exactly
    /// one step is ByteLevel.
    pre_tokenizer(const json& description, const std::string& source) {
        add(description, source);
        std::size_t mapped = 0;
        for (const step& s : steps_) mapped += std::holds_alternative<byte_level_step>(s) ? 1U : 0U;
        if (mapped != 1)
            throw config_error({source, "steps of type ByteLevel", std::to_string(mapped), "exactly one",
                                "only byte-level tokenizers are supported"});
    }

    [[nodiscard]] const std::vector<step>& steps() const noexcept { return steps_; }

private:
    void add(const json& description, const std::string& source) {
        const json_fields fields(description, source);
        const std::string type = fields.text("type");
        if (type == "Sequence") {
            const json* const list = fields.find("pretokenizers");
            if (list == nullptr || !list->is_array())
                throw fields.mistyped("pretokenizers", list == nullptr ? json() : *list, "a list");
            for (std::size_t i = 0; i < list->size(); ++i) add((*list)[i], source + "[" + std::to_string(i) + "]");
        } else if (type == "Punctuation") {
            steps_.push_back(split_step{punctuation_ranges, behavior(fields, "Isolated"), false});
        } else if (type == "Digits") {
            const bool individual = fields.boolean("individual_digits", false);
            steps_.push_back(
                split_step{numeric_ranges, individual ? split_behavior::isolated : split_behavior::contiguous, false});
        } else if (type == "Split") {
            steps_.push_back(
                split_step{pattern(fields), behavior(fields, std::nullopt), fields.boolean("invert", false)});
        } else if (type == "ByteLevel") {
            byte_level_step words{fields.boolean("add_prefix_space", true), std::nullopt};
            if (fields.boolean("use_regex", true)) words.words.emplace(gpt2_words, source);
            steps_.emplace_back(std::move(words));
        } else {
            throw config_error(
                {source, "type", "\"" + type + "\"", "Sequence, Punctuation, Digits, Split or ByteLevel", {}});
        }
    }

    static split_behavior behavior(const json_fields& fields, const std::optional<std::string>& fallback) {
        const std::string name = fields.text("behavior", fallback);
        if (name == "Removed") return split_behavior::removed;
        if (name == "Isolated") return split_behavior::isolated;
        if (name == "Contiguous") return split_behavior::contiguous;
        if (name == "MergedWithPrevious") return split_behavior::merged_with_previous;
        if (name == "MergedWithNext") return split_behavior::merged_with_next;
        throw config_error({fields.source(),
                            "behavior",
                            "\"" + name + "\"",
                            "Removed, Isolated, Contiguous, MergedWithPrevious or MergedWithNext",
                            {}});
    }

    static decltype(split_step::what) pattern(const json_fields& fields) {
        const json_fields form = fields.object("pattern");
        const bool literal = form.has("String");
        const std::string text = form.text(literal ? "String" : "Regex");
        if (text.empty()) throw config_error({form.source(), {}, "an empty pattern", "a pattern", {}});
        if (literal) return text;
        return regex(oniguruma_pattern::to_pcre2(text, form.source()), form.source());
    }

    /// GPT-2's words. \s is spelled out because PCRE2's own also has U+180E.
    static constexpr std::string_view gpt2_words =
        R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\t-\r\x{85}\p{Z}\p{L}\p{N}]+)"
        R"(|[\t-\r\x{85}\p{Z}]+(?![^\t-\r\x{85}\p{Z}])|[\t-\r\x{85}\p{Z}]+)";

    std::vector<step> steps_;
};

/// Runs a pre_tokenizer, which must outlive it; a thread needs its own. Pieces go on to the next step one by one, so that
/// memory does not grow with their number.
class pre_tokenizing {
public:
    explicit pre_tokenizing(const pre_tokenizer& plan) : steps_(plan.steps()), searches_(steps_.size()) {
        for (std::size_t i = 0; i < steps_.size(); ++i)
            if (const regex* const pattern = regex_of(steps_[i])) searches_[i].emplace(*pattern);
    }

    /// Calls `emit(std::string_view)` for each piece of `text`, valid UTF-8, in order. Throws argument_error.
    template <class Emit>
    void operator()(std::string_view text, Emit&& emit) {
        run(0, text, emit);
    }

private:
    static const regex* regex_of(const pre_tokenizer::step& s) {
        if (const auto* const split = std::get_if<split_step>(&s)) return std::get_if<regex>(&split->what);
        const auto& words = std::get<byte_level_step>(s).words;
        return words ? &*words : nullptr;
    }

    template <class Emit>
    void run(std::size_t i, std::string_view piece, Emit& emit) {
        if (piece.empty()) return;
        if (i == steps_.size()) return emit(piece);
        if (const auto* const split = std::get_if<split_step>(&steps_[i]))
            run_split(i, *split, piece, emit);
        else
            run_byte_level(i, std::get<byte_level_step>(steps_[i]), piece, emit);
    }

    template <class Emit>
    void run_split(std::size_t i, const split_step& split, std::string_view piece, Emit& emit) {
        std::optional<text_range> pending;
        bool previous = false;
        const auto flush = [&] {
            if (pending) run(i + 1, piece.substr(pending->first, pending->last - pending->first), emit);
            pending.reset();
        };
        for_each_part(split.what, i, piece, [&](text_range part, bool found) {
            const bool match = found != split.invert;
            if (pending && joins(split.behavior, previous, match)) {
                pending->last = part.last;
            } else {
                flush();
                if (!match || split.behavior != split_behavior::removed) pending = part;
            }
            previous = match;
        });
        flush();
    }

    /// Whether a part continues the piece of the part before it.
    static bool joins(split_behavior behavior, bool previous_match, bool match) {
        switch (behavior) {
            case split_behavior::contiguous: return previous_match == match;
            case split_behavior::merged_with_previous: return !previous_match && match;
            case split_behavior::merged_with_next: return previous_match && !match;
            case split_behavior::removed:
            case split_behavior::isolated: break;
        }
        return false;
    }

    template <class Emit>
    void run_byte_level(std::size_t i, const byte_level_step& level, std::string_view piece, Emit& emit) {
        std::string prefixed;
        if (level.add_prefix_space && piece.front() != ' ') {
            prefixed = " ";
            prefixed += piece;
            piece = prefixed;
        }
        const auto map = [&](text_range part, bool) {
            mapped_.clear();
            append_byte_level(mapped_, piece.substr(part.first, part.last - part.first));
            run(i + 1, mapped_, emit);
        };
        if (level.words)
            for_each_match(i, piece, map);
        else
            map({0, piece.size()}, false);
    }

    /// Calls `take(range, whether it matches)` for the matches and what lies between them, in order.
    template <class Take>
    void for_each_part(const decltype(split_step::what)& what, std::size_t i, std::string_view piece, Take&& take) {
        if (const auto* const ranges = std::get_if<std::span<const code_range>>(&what))
            for_each_character(*ranges, piece, take);
        else if (const auto* const literal = std::get_if<std::string>(&what))
            for_each_literal(*literal, piece, take);
        else
            for_each_match(i, piece, take);
    }

    template <class Take>
    static void for_each_character(std::span<const code_range> ranges, std::string_view piece, Take& take) {
        std::size_t done = 0;
        for (std::size_t at = 0; at < piece.size();) {
            const utf8_unit unit = first_utf8(piece.substr(at));
            const std::size_t end = at + unit.length;
            if (is_in(ranges, unit.code)) {
                if (done < at) take(text_range{done, at}, false);
                take(text_range{at, end}, true);
                done = end;
            }
            at = end;
        }
        if (done < piece.size()) take(text_range{done, piece.size()}, false);
    }

    template <class Take>
    static void for_each_literal(const std::string& literal, std::string_view piece, Take& take) {
        std::size_t done = 0;
        for (std::size_t at = piece.find(literal); at != std::string_view::npos; at = piece.find(literal, done)) {
            if (done < at) take(text_range{done, at}, false);
            done = at + literal.size();
            take(text_range{at, done}, true);
        }
        if (done < piece.size()) take(text_range{done, piece.size()}, false);
    }

    template <class Take>
    void for_each_match(std::size_t i, std::string_view piece, Take& take) {
        std::size_t done = 0;
        std::optional<std::size_t> last_end;
        for (std::size_t from = 0; from <= piece.size();) {
            const auto match = searches_[i]->find(piece, from);
            if (!match) break;
            if (match->first == match->last && last_end == match->last) {  // an empty match right after a match
                if (from == piece.size()) break;
                from += first_utf8(piece.substr(from)).length;
                continue;
            }
            if (done < match->first) take(text_range{done, match->first}, false);
            take(*match, true);
            from = done = match->last;
            last_end = match->last;
        }
        if (done < piece.size()) take(text_range{done, piece.size()}, false);
    }

    const std::vector<pre_tokenizer::step>& steps_;
    std::vector<std::optional<regex_search>> searches_;
    std::string mapped_;  // of the one byte-level step
};

}  // namespace ssm
