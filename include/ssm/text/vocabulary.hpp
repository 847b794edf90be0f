// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/dtype.hpp>
#include <ssm/core/error.hpp>
#include <ssm/core/model_config.hpp>
#include <ssm/io/json.hpp>

#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace ssm {

/// The ids of a vocabulary's strings.
class vocabulary {
public:
    /// Reads the object "vocab" of a model. Throws config_error.
    explicit vocabulary(const json_fields& model) {
        const json* const entries = model.find("vocab");
        if (entries == nullptr || !entries->is_object())
            throw model.mistyped("vocab", entries == nullptr ? json() : *entries, "an object");
        ids_.reserve(entries->size());
        for (const auto& [text, id] : entries->items())
            ids_.emplace(text, static_cast<token_id>(
                                   model.to_integer("vocab", id, 0, std::numeric_limits<token_id>::max() - 1)));
    }

    [[nodiscard]] std::optional<token_id> find(std::string_view text) const {
        const auto found = ids_.find(text);
        return found == ids_.end() ? std::nullopt : std::optional(found->second);
    }
    [[nodiscard]] auto begin() const noexcept { return ids_.begin(); }
    [[nodiscard]] auto end() const noexcept { return ids_.end(); }

private:
    struct hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>()(text); }
    };

    std::unordered_map<std::string, token_id, hash, std::equal_to<>> ids_;
};

}  // namespace ssm
