// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/error.hpp>
#include <ssm/core/model_config.hpp>
#include <ssm/io/file.hpp>
#include <ssm/io/json.hpp>
#include <ssm/text/added_tokens.hpp>
#include <ssm/text/bpe.hpp>
#include <ssm/text/byte_level.hpp>
#include <ssm/text/normalizer.hpp>
#include <ssm/text/post_processor.hpp>
#include <ssm/text/pre_tokenizer.hpp>
#include <ssm/text/utf8.hpp>

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ssm {

/// How `tokenizer::encode` reads a text.
struct encode_options {
    bool parse_special = false;   ///< read special tokens written in the text as such; they are text otherwise
    bool add_special = false;     ///< set what the post-processor says before and after the text
    bool replace_broken = false;  ///< read U+FFFD in place of bytes that are not UTF-8 instead of throwing
};

/// Text to token ids and back, as a Hugging Face tokenizer.json with byte-level BPE describes it.
/// A cheap value: copies, also in other threads, share one constant content.
class tokenizer {
public:
    /// Reads tokenizer.json and, when given, tokenizer_config.json, which names the end-of-text token.
    /// Throws io_error, format_error, and config_error for what the files lack or this library does not support.
    [[nodiscard]] static tokenizer from_file(const std::filesystem::path& tokenizer_json,
                                             const std::optional<std::filesystem::path>& tokenizer_config = {}) {
        tokenizer result = from_json(read_text_file(tokenizer_json), tokenizer_json.string());
        if (tokenizer_config) result.read_config(read_text_file(*tokenizer_config), tokenizer_config->string());
        return result;
    }
    /// Reads tokenizer.json in `folder`, and tokenizer_config.json where there is one. Throws as `from_file`.
    [[nodiscard]] static tokenizer from_folder(const std::filesystem::path& folder) {
        const std::filesystem::path config = folder / "tokenizer_config.json";
        const bool has_config = std::filesystem::exists(config);
        return from_file(folder / "tokenizer.json", has_config ? std::optional(config) : std::nullopt);
    }
    /// From the text of a tokenizer.json; `source` names it in messages. Throws format_error and config_error.
    [[nodiscard]] static tokenizer from_json(std::string_view text, const std::string& source) {
        const json description = parse_json(text, source);
        tokenizer result;
        result.content_ = std::make_shared<const content>(json_fields(description, source));
        return result;
    }

    /// The ids of `text`. Memory grows with the text by a small factor; a piece of it that the pre-tokenizer finds no place
    /// to cut takes some 27 times its bytes meanwhile (measured on 16 MB of letters), at worst 45.
    /// Throws argument_error for bytes that are not UTF-8, for text that a NFC normalizer might change, and for a search
    /// that outgrows the regular expression engine's limits; config_error for a byte that the vocabulary lacks.
    [[nodiscard]] std::vector<token_id> encode(std::string_view text, const encode_options& options = {}) const {
        std::string mended;
        if (options.replace_broken && find_broken_utf8(text)) {
            mended = replace_broken_utf8(std::string(text));
            text = mended;
        }
        require_utf8(text, "text");
        const content& c = *content_;
        std::vector<token_id> ids;
        if (options.add_special) ids = c.post.before();
        pre_tokenizing pieces(c.pre);
        bpe_encoding encoding(c.model, text.size());
        c.added.cut(
            text, options.parse_special,
            [&](std::string_view part) {
                c.normal.require_unchanged(part, static_cast<std::size_t>(part.data() - text.data()));
            },
            [&](std::string_view part) { pieces(part, [&](std::string_view piece) { encoding.encode(piece, ids); }); },
            [&](token_id id) { ids.push_back(id); });
        if (options.add_special) ids.insert(ids.end(), c.post.after().begin(), c.post.after().end());
        return ids;
    }

    /// The text of one id; U+FFFD for what is not a whole character. For ids one after the other see stream_decoder.
    /// Throws argument_error for an id outside the vocabulary.
    [[nodiscard]] std::string decode(token_id id) const { return decode(std::span(&id, 1)); }

    /// The text of `ids`, with U+FFFD in place of each maximal run of bytes that is not UTF-8; without special tokens when
    /// `skip_special`. Throws argument_error for an id outside the vocabulary.
    [[nodiscard]] std::string decode(std::span<const token_id> ids, bool skip_special = false) const {
        std::string bytes;
        for (const token_id id : ids) {
            const std::string_view part = bytes_of(id);
            if (!skip_special || !is_special(id)) bytes += part;
        }
        return replace_broken_utf8(std::move(bytes));
    }

    /// The bytes that `id` stands for: a part of a text's UTF-8. Throws argument_error for an id outside the vocabulary.
    [[nodiscard]] std::string_view bytes_of(token_id id) const {
        require_id(id);
        return content_->entries[static_cast<std::size_t>(id)].bytes;
    }

    /// Number of ids, added tokens included: they are 0 to size() - 1.
    [[nodiscard]] index size() const noexcept { return static_cast<index>(content_->entries.size()); }
    /// The id of an added token's content, or of a vocabulary entry as the file writes it, in byte-level characters.
    [[nodiscard]] std::optional<token_id> id_of(std::string_view text) const {
        for (const added_token& token : content_->added.tokens())
            if (token.content == text) return token.id;
        return content_->model.words().find(text);
    }
    /// Whether `id` is control and not text. Throws argument_error for an id outside the vocabulary.
    [[nodiscard]] bool is_special(token_id id) const {
        require_id(id);
        return content_->entries[static_cast<std::size_t>(id)].special;
    }
    /// The end-of-text token that tokenizer_config.json names.
    [[nodiscard]] std::optional<token_id> eos() const noexcept { return eos_; }

private:
    struct entry {
        std::string bytes;
        bool special = false;
    };

    /// What the file says, checked.
    struct content {
        explicit content(const json_fields& file)
            : normal(field(file, "normalizer"), file.source() + ": normalizer"),
              added(read_added_tokens(field(file, "added_tokens"), file.source() + ": added_tokens")),
              pre(field(file, "pre_tokenizer"), file.source() + ": pre_tokenizer"),
              model(field(file, "model"), file.source() + ": model"),
              post(field(file, "post_processor"), file.source() + ": post_processor") {
            require_byte_level_decoder(field(file, "decoder"), file.source() + ": decoder");
            collect_entries(file.source());
            for (const auto* ids : {&post.before(), &post.after()})
                for (const token_id id : *ids)
                    if (static_cast<std::size_t>(id) >= entries.size())
                        throw config_error({file.source() + ": post_processor",
                                            "ids",
                                            std::to_string(id),
                                            "an id of the vocabulary",
                                            {}});
        }

        static const json& field(const json_fields& file, const char* key) {
            static const json null;
            const json* const value = file.find(key);
            return value == nullptr ? null : *value;
        }

        static void require_byte_level_decoder(const json& description, const std::string& source) {
            const json_fields fields(description, source);
            const std::string type = fields.text("type");
            if (type == "Sequence") {
                const json* const list = fields.find("decoders");
                if (list == nullptr || !list->is_array() || list->size() != 1)
                    throw fields.mistyped("decoders", list == nullptr ? json() : *list, "a list of one ByteLevel");
                return require_byte_level_decoder(list->front(), source + "[0]");
            }
            if (type != "ByteLevel")
                throw config_error(
                    {source, "type", "\"" + type + "\"", "ByteLevel", "only byte-level tokenizers are supported"});
        }

        /// Fills `entries`, every id from 0 exactly once.
        void collect_entries(const std::string& source) {
            std::vector<std::optional<std::string>> texts;
            const auto place = [&](token_id id, const std::string& text, std::size_t limit) {
                const auto at = static_cast<std::size_t>(id);
                if (at >= limit)
                    throw config_error({source, "id of \"" + text + "\"", std::to_string(id),
                                        "less than " + std::to_string(limit), "ids must have no gaps"});
                if (at >= texts.size()) texts.resize(at + 1);
                if (texts[at] && *texts[at] != text)
                    throw config_error({source,
                                        "id " + std::to_string(id),
                                        "\"" + *texts[at] + "\" and \"" + text + "\"",
                                        "one token",
                                        {}});
                texts[at] = text;
            };
            const auto words = static_cast<std::size_t>(std::distance(model.words().begin(), model.words().end()));
            const std::size_t limit = words + added.tokens().size();
            for (const auto& [text, id] : model.words()) place(id, text, limit);
            for (const added_token& token : added.tokens()) {
                if (const auto known = model.words().find(token.content); known && *known != token.id)
                    throw config_error({source,
                                        "id of \"" + token.content + "\"",
                                        std::to_string(token.id) + " in added_tokens",
                                        std::to_string(*known) + " as in vocab",
                                        {}});
                place(token.id, token.content, limit);
            }
            for (std::size_t id = 0; id < texts.size(); ++id) {
                if (!texts[id])
                    throw config_error(
                        {source, "vocab", "no token with id " + std::to_string(id), "ids without gaps", {}});
                // As in the reference, a token with a character that stands for no byte is taken as it is written.
                entries.push_back({bytes_of_byte_level(*texts[id]).value_or(*texts[id])});
            }
            for (const added_token& token : added.tokens())
                if (token.special) entries[static_cast<std::size_t>(token.id)].special = true;
        }

        normalizer normal;
        added_tokens added;
        pre_tokenizer pre;
        bpe model;
        post_processor post;
        std::vector<entry> entries;  // by id
    };

    tokenizer() = default;

    void read_config(std::string_view text, const std::string& source) {
        const json description = parse_json(text, source);
        const json_fields fields(description, source);
        const json* const value = fields.find("eos_token");
        if (value == nullptr) return;
        // Older files write the token as an object.
        const std::string name =
            value->is_object() ? fields.object("eos_token").text("content") : fields.text("eos_token");
        eos_ = id_of(name);
        if (!eos_) throw config_error({source, "eos_token", "\"" + name + "\"", "a token of tokenizer.json", {}});
    }

    void require_id(token_id id) const {
        if (id < 0 || id >= size())
            throw argument_error({"tokenizer", "token id", std::to_string(id), "0 to " + std::to_string(size() - 1),
                                  "the tokenizer and the model must belong together"});
    }

    std::shared_ptr<const content> content_;
    std::optional<token_id> eos_;
};

}  // namespace ssm
