// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/error.hpp>
#include <ssm/core/model_config.hpp>
#include <ssm/io/json.hpp>
#include <ssm/text/byte_level.hpp>
#include <ssm/text/utf8.hpp>
#include <ssm/text/vocabulary.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace ssm {

/// Byte-pair encoding over byte-level characters: neighbouring symbols are joined, the pair with the lowest rank first,
/// of equal pairs the leftmost, until no pair has a merge.
/// Source: Sennrich, Haddow and Birch (2016), section 3.2; field by field the `BPE` of Hugging Face `tokenizers`.
class bpe {
public:
    struct merge {
        std::uint32_t rank;
        token_id joined;
    };

    /// Reads the field "model". Throws config_error for a type other than BPE, options that change the result and are not
    /// supported (dropout, byte_fallback, affixes), and merges of unknown tokens.
    bpe(const json& description, const std::string& source) : bpe(json_fields(description, source)) {}

    [[nodiscard]] const vocabulary& words() const noexcept { return words_; }

    /// The merge of two neighbours, or nullptr.
    [[nodiscard]] const merge* find(token_id left, token_id right) const noexcept {
        const auto found = merges_.find(key(left, right));
        return found == merges_.end() ? nullptr : &found->second;
    }
    /// The id of a byte-level character, -1 when the vocabulary lacks it.
    [[nodiscard]] token_id character(std::uint32_t code) const noexcept { return characters_[code]; }
    /// What stands for characters the vocabulary lacks.
    [[nodiscard]] std::optional<token_id> unknown() const noexcept { return unknown_; }
    [[nodiscard]] bool fuses_unknown() const noexcept { return fuses_unknown_; }
    /// Whether a piece that is a vocabulary entry is taken whole, without looking at merges.
    [[nodiscard]] bool ignores_merges() const noexcept { return ignores_merges_; }

private:
    struct mixed {
        std::size_t operator()(std::uint64_t pair) const noexcept {
            return static_cast<std::size_t>((pair ^ pair >> 29) * 0x9e37'79b9'7f4a'7c15U >> 17);
        }
    };
    static std::uint64_t key(token_id left, token_id right) noexcept {
        return static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32 | static_cast<std::uint32_t>(right);
    }

    explicit bpe(const json_fields& fields)
        : words_(checked(fields)),
          fuses_unknown_(fields.boolean("fuse_unk", false)),
          ignores_merges_(fields.boolean("ignore_merges", false)) {
        std::string symbol;
        characters_.fill(-1);
        for (std::size_t byte = 0; byte < 256; ++byte) {
            symbol.clear();
            append_byte_level(symbol, std::string(1, static_cast<char>(byte)));
            characters_[byte_level_characters[byte]] = words_.find(symbol).value_or(-1);
        }
        if (fields.has("unk_token")) unknown_ = id_of(fields, "unk_token", fields.text("unk_token"));
        read_merges(fields);
    }

    /// Refuses what would encode differently, before the vocabulary is read.
    static const json_fields& checked(const json_fields& fields) {
        // Files from before the field had no other model of this shape.
        const std::string type = fields.text("type", "BPE");
        if (type != "BPE") throw config_error({fields.source(), "type", "\"" + type + "\"", "BPE", {}});
        if (fields.number("dropout", 0, 1, 0) != 0)
            throw config_error({fields.source(), "dropout", text_of(*fields.find("dropout")), "null or 0",
                                "ids must not be random; set it to null"});
        if (fields.boolean("byte_fallback", false))
            throw config_error(
                {fields.source(), "byte_fallback", "true", "false", "byte-level text has no use for it"});
        for (const char* const affix : {"continuing_subword_prefix", "end_of_word_suffix"})
            if (!fields.text(affix, "").empty())
                throw config_error({fields.source(), affix, text_of(*fields.find(affix)), "null or \"\"", {}});
        return fields;
    }

    void read_merges(const json_fields& fields) {
        const json* const list = fields.find("merges");
        if (list == nullptr || !list->is_array())
            throw fields.mistyped("merges", list == nullptr ? json() : *list, "a list");
        merges_.reserve(list->size());
        for (std::size_t rank = 0; rank < list->size(); ++rank) {
            const std::string where = "merges[" + std::to_string(rank) + "]";
            const auto [left, right] = halves(fields, where, (*list)[rank]);
            const token_id a = id_of(fields, where, left);
            const token_id b = id_of(fields, where, right);
            // As in the reference, a pair that comes again has the later rank.
            merges_.insert_or_assign(key(a, b),
                                     merge{static_cast<std::uint32_t>(rank), id_of(fields, where, left + right)});
        }
    }

    /// A merge is written "a b" or ["a", "b"].
    static std::pair<std::string, std::string> halves(const json_fields& fields, const std::string& where,
                                                      const json& value) {
        if (value.is_array() && value.size() == 2 && value[0].is_string() && value[1].is_string())
            return {value[0].get<std::string>(), value[1].get<std::string>()};
        if (value.is_string()) {
            const auto& text = value.get_ref<const std::string&>();
            const std::size_t space = text.find(' ');
            if (space != std::string::npos && text.find(' ', space + 1) == std::string::npos)
                return {text.substr(0, space), text.substr(space + 1)};
        }
        throw fields.mistyped(where.c_str(), value, "\"a b\" or [\"a\", \"b\"]");
    }

    token_id id_of(const json_fields& fields, const std::string& where, const std::string& text) const {
        if (const auto id = words_.find(text)) return *id;
        throw config_error({fields.source(), where, "\"" + text + "\"", "an entry of vocab", "the file is damaged"});
    }

    vocabulary words_;
    std::unordered_map<std::uint64_t, merge, mixed> merges_;
    std::array<token_id, byte_level_end> characters_{};
    std::optional<token_id> unknown_;
    bool fuses_unknown_ = false;
    bool ignores_merges_ = false;
};

/// Encodes pieces with a bpe, which must outlive it; a thread needs its own. A queue of candidate merges makes a piece of
/// n characters cost O(n log n); ids of recent short pieces are kept.
class bpe_encoding {
public:
    /// For a text of about `text_bytes`.
    bpe_encoding(const bpe& model, std::size_t text_bytes)
        : model_(model), recent_(std::bit_ceil(std::clamp<std::size_t>(text_bytes / 16, 1, 1U << 14))) {}

    /// Appends the ids of `piece`, which is byte-level text.
    /// Throws config_error for a character that the vocabulary lacks, and argument_error for a piece of 2^31 characters.
    void encode(std::string_view piece, std::vector<token_id>& ids) {
        if (piece.size() > longest_kept) return encode_new(piece, ids);
        known& slot = recent_[std::hash<std::string_view>()(piece) & (recent_.size() - 1)];
        if (slot.piece != piece || slot.piece.empty()) {
            slot.piece.clear();  // stays so when encoding throws
            slot.ids.clear();
            encode_new(piece, slot.ids);
            slot.piece = piece;
        }
        ids.insert(ids.end(), slot.ids.begin(), slot.ids.end());
    }

private:
    static constexpr std::size_t longest_kept = 32;
    static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();

    struct known {
        std::string piece;
        std::vector<token_id> ids;
    };
    struct symbol {
        token_id id;  // -1 once it is part of the symbol before it
        std::uint32_t previous;
        std::uint32_t next;
    };
    struct candidate {
        std::uint32_t rank;  // of one merge only
        std::uint32_t at;    // of the left symbol

        // std heaps have the largest in front.
        friend bool operator<(const candidate& a, const candidate& b) noexcept {
            return a.rank != b.rank ? a.rank > b.rank : a.at > b.at;
        }
    };

    void encode_new(std::string_view piece, std::vector<token_id>& ids) {
        if (model_.ignores_merges()) {
            if (const auto whole = model_.words().find(piece)) return ids.push_back(*whole);
        }
        read_symbols(piece);
        join_symbols();
        for (const symbol& s : symbols_)
            if (s.id >= 0) ids.push_back(s.id);
    }

    void read_symbols(std::string_view piece) {
        if (piece.size() >= none / 2)
            throw argument_error({"text", "a piece without a place to cut", std::to_string(piece.size()) + " bytes",
                                  "less than 2^31 bytes", "split the text"});
        symbols_.clear();
        symbols_.reserve(piece.size());  // growing step by step would take twice the memory
        bool after_unknown = false;
        while (!piece.empty()) {
            const utf8_unit unit = first_utf8(piece);
            piece.remove_prefix(unit.length);
            const token_id id = model_.character(unit.code);
            if (id < 0 && !model_.unknown())
                throw config_error({"tokenizer", "vocab",
                                    "no entry for byte " + std::to_string(byte_level_bytes[unit.code]),
                                    "all 256 byte-level characters", "the text cannot be written with this tokenizer"});
            if (id < 0 && after_unknown && model_.fuses_unknown()) continue;
            after_unknown = id < 0;
            const auto at = static_cast<std::uint32_t>(symbols_.size());
            symbols_.push_back({id < 0 ? *model_.unknown() : id, at == 0 ? none : at - 1, at + 1});
        }
        symbols_.back().next = none;
    }

    void join_symbols() {
        queue_.clear();
        queue_.reserve(symbols_.size());
        for (std::uint32_t at = 0; at + 1 < symbols_.size(); ++at)
            if (const bpe::merge* const merge = merge_at(at)) queue_.push_back({merge->rank, at});
        std::make_heap(queue_.begin(), queue_.end());
        while (!queue_.empty()) {
            std::pop_heap(queue_.begin(), queue_.end());
            const candidate best = queue_.back();
            queue_.pop_back();
            if (symbols_[best.at].id < 0) continue;
            const bpe::merge* const now = merge_at(best.at);  // another merge may have changed either symbol
            if (now == nullptr || now->rank != best.rank) continue;
            join(best.at, now->joined);
            push(symbols_[best.at].previous);
            push(best.at);
        }
    }

    /// The merge of the symbol at `at` with the one after it, or nullptr.
    [[nodiscard]] const bpe::merge* merge_at(std::uint32_t at) const {
        const symbol& left = symbols_[at];
        return left.next == none ? nullptr : model_.find(left.id, symbols_[left.next].id);
    }

    void join(std::uint32_t at, token_id joined) {
        symbol& left = symbols_[at];
        symbol& right = symbols_[left.next];
        left.id = joined;
        left.next = right.next;
        right.id = -1;
        if (left.next != none) symbols_[left.next].previous = at;
    }

    void push(std::uint32_t at) {
        if (at == none) return;
        if (const bpe::merge* const merge = merge_at(at)) {
            queue_.push_back({merge->rank, at});
            std::push_heap(queue_.begin(), queue_.end());
        }
    }

    const bpe& model_;
    std::vector<known> recent_;
    std::vector<symbol> symbols_;
    std::vector<candidate> queue_;
};

}  // namespace ssm
