// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/dtype.hpp>
#include <ssm/core/error.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ssm {

using json = nlohmann::json;

/// Parses strict JSON in UTF-8 from `source`, a file name for messages.
/// Throws format_error for a syntax error, a key given twice in one object, nesting deeper than 64 and a NUL byte: the
/// parser alone would keep the last of two keys and stop at a NUL, and copying deeply nested values overflows the stack.
[[nodiscard]] inline json parse_json(std::string_view text, const std::string& source) {
    if (text.find('\0') != std::string_view::npos)
        throw format_error({source, "JSON", "a NUL byte", "text", "the file is damaged or not JSON"});
    constexpr int deepest = 64;
    std::vector<std::set<std::string>> keys;  // of the objects that are open
    const auto inspect = [&](int depth, json::parse_event_t event, json& value) {
        if (depth > deepest) throw format_error({source, "JSON", "nested deeper than 64", "at most 64 levels", {}});
        if (event == json::parse_event_t::object_start) keys.emplace_back();
        if (event == json::parse_event_t::object_end) keys.pop_back();
        if (event == json::parse_event_t::key && !keys.back().insert(value.get<std::string>()).second)
            throw format_error(
                {source, "key \"" + value.get<std::string>() + "\"", "given twice", "once in an object", {}});
        return true;
    };
    try {
        return json::parse(text.begin(), text.end(), inspect);
    } catch (const json::exception& fault) {
        throw format_error({source, "JSON", fault.what(), {}, "the file is damaged or not JSON"});
    }
}

/// Short text of a value, for messages.
[[nodiscard]] inline std::string text_of(const json& value) {
    if (value.is_object()) return "an object";
    if (value.is_array()) return "an array";
    std::string text = value.dump(-1, ' ', true, json::error_handler_t::replace);
    if (text.size() > 60) text.replace(57, std::string::npos, "...");
    return text;
}

/// The fields of a JSON object, read with their types and ranges. A field that is null counts as missing.
/// Every reader throws config_error naming the file, the field, what was found and what is expected.
class json_fields {
public:
    json_fields(const json& object, std::string source) : object_(object), source_(std::move(source)) {
        if (!object.is_object()) throw config_error({source_, {}, text_of(object), "an object", {}});
    }

    [[nodiscard]] const std::string& source() const noexcept { return source_; }
    [[nodiscard]] bool has(const char* key) const { return find(key) != nullptr; }
    /// The raw value, or nullptr when it is missing.
    [[nodiscard]] const json* find(const char* key) const {
        const auto found = object_.find(key);
        return found == object_.end() || found->is_null() ? nullptr : &*found;
    }

    /// A whole number from `low` to `high`.
    [[nodiscard]] index integer(const char* key, index low, index high,
                                std::optional<index> fallback = std::nullopt) const {
        const json* const value = get(key, fallback.has_value());
        return value == nullptr ? *fallback : to_integer(key, *value, low, high);
    }
    [[nodiscard]] index to_integer(const char* key, const json& value, index low, index high) const {
        const std::string expected = "a whole number from " + std::to_string(low) + " to " + std::to_string(high);
        if (!value.is_number_integer()) throw mistyped(key, value, expected);
        if (value.is_number_unsigned() &&
            value.get<std::uint64_t>() > static_cast<std::uint64_t>(std::numeric_limits<index>::max()))
            throw mistyped(key, value, expected);
        const auto number = value.get<index>();
        if (number < low || number > high) throw mistyped(key, value, expected);
        return number;
    }
    /// A finite number from `low` to `high`.
    [[nodiscard]] double number(const char* key, double low, double high,
                                std::optional<double> fallback = std::nullopt) const {
        const json* const value = get(key, fallback.has_value());
        if (value == nullptr) return *fallback;
        const auto range = [&] { return "a number from " + json(low).dump() + " to " + json(high).dump(); };
        if (!value->is_number()) throw mistyped(key, *value, range());
        const auto number = value->get<double>();
        if (!(number >= low && number <= high)) throw mistyped(key, *value, range());
        return number;
    }
    [[nodiscard]] bool boolean(const char* key, std::optional<bool> fallback = std::nullopt) const {
        const json* const value = get(key, fallback.has_value());
        if (value == nullptr) return *fallback;
        if (!value->is_boolean()) throw mistyped(key, *value, "true or false");
        return value->get<bool>();
    }
    [[nodiscard]] std::string text(const char* key, std::optional<std::string> fallback = std::nullopt) const {
        const json* const value = get(key, fallback.has_value());
        if (value == nullptr) return *fallback;
        if (!value->is_string()) throw mistyped(key, *value, "a string");
        return value->get<std::string>();
    }
    /// An object inside this one.
    [[nodiscard]] json_fields object(const char* key) const {
        const json* const value = get(key, false);
        if (!value->is_object()) throw mistyped(key, *value, "an object");
        return json_fields(*value, source_ + ": " + key);
    }

    /// The error for a value that is not what is expected.
    [[nodiscard]] config_error mistyped(const char* key, const json& value, const std::string& expected) const {
        return config_error({source_, key, text_of(value), expected, {}});
    }

private:
    const json* get(const char* key, bool optional) const {
        const json* const value = find(key);
        if (value == nullptr && !optional)
            throw config_error({source_, key, "nothing", "a value", "the field is required"});
        return value;
    }

    const json& object_;
    std::string source_;
};

}  // namespace ssm
