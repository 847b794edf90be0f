// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/error.hpp>
#include <ssm/core/model_config.hpp>
#include <ssm/io/json.hpp>

#include <cstddef>
#include <limits>
#include <string>
#include <vector>

namespace ssm {

/// The post-processor of a tokenizer.json: the tokens it sets before and after a text when they are asked for.
/// ByteLevel, which only trims offsets, adds none.
class post_processor {
public:
    /// Reads the field "post_processor". Throws config_error for types other than null, ByteLevel, TemplateProcessing and
    /// Sequence, and for a template that does not hold the text exactly once.
    post_processor(const json& description, const std::string& source) { add(description, source); }

    [[nodiscard]] const std::vector<token_id>& before() const noexcept { return before_; }
    [[nodiscard]] const std::vector<token_id>& after() const noexcept { return after_; }

private:
    void add(const json& description, const std::string& source) {
        if (description.is_null()) return;
        const json_fields fields(description, source);
        const std::string type = fields.text("type");
        if (type == "ByteLevel") return;
        if (type == "Sequence") {
            const json& list = list_in(fields, "processors");
            for (std::size_t i = 0; i < list.size(); ++i) add(list[i], source + "[" + std::to_string(i) + "]");
        } else if (type == "TemplateProcessing") {
            add_template(fields);
        } else {
            throw config_error(
                {source, "type", "\"" + type + "\"", "null, ByteLevel, TemplateProcessing or Sequence", {}});
        }
    }

    void add_template(const json_fields& fields) {
        std::vector<token_id> before;
        std::vector<token_id> after;
        int texts = 0;
        for (const json& item : list_in(fields, "single")) {
            const json_fields part(item, fields.source() + ": single");
            if (part.has("Sequence")) {
                ++texts;
                continue;
            }
            auto& side = texts == 0 ? before : after;
            const std::string name = part.object("SpecialToken").text("id");
            const json_fields token = fields.object("special_tokens").object(name.c_str());
            for (const json& id : list_in(token, "ids"))
                side.push_back(
                    static_cast<token_id>(token.to_integer("ids", id, 0, std::numeric_limits<token_id>::max() - 1)));
        }
        if (texts != 1)
            throw config_error({fields.source(), "single", std::to_string(texts) + " sequences", "exactly one", {}});
        before_.insert(before_.begin(), before.begin(), before.end());
        after_.insert(after_.end(), after.begin(), after.end());
    }

    static const json& list_in(const json_fields& fields, const char* key) {
        const json* const list = fields.find(key);
        if (list == nullptr || !list->is_array())
            throw fields.mistyped(key, list == nullptr ? json() : *list, "a list");
        return *list;
    }

    std::vector<token_id> before_;
    std::vector<token_id> after_;
};

}  // namespace ssm
