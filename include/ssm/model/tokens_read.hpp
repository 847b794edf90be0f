// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/hash.hpp>
#include <ssm/core/model_config.hpp>

#include <cstdint>
#include <limits>
#include <optional>
#include <span>

namespace ssm {

/// How many tokens a sequence has read, and which: a count and a digest of their ids in order. A token more costs the
/// same however long the sequence is.
class tokens_read {
public:
    static constexpr index most = std::numeric_limits<index>::max();

    tokens_read() = default;
    /// As another one left it.
    tokens_read(index position, std::optional<std::uint64_t> digest) noexcept
        : position_(position), ids_(digest.value_or(0)), known_(digest.has_value()) {}

    [[nodiscard]] index position() const noexcept { return position_; }
    /// FNV-1a of the ids, four bytes each, the lowest first. Nothing once tokens were read that the host has not seen.
    [[nodiscard]] std::optional<std::uint64_t> digest() const noexcept {
        return known_ ? std::optional(ids_.value()) : std::nullopt;
    }
    /// Whether `ids` are the tokens read, as far as the digest tells.
    [[nodiscard]] bool are(std::span<const token_id> ids) const noexcept {
        tokens_read others;
        others.add(ids);
        return known_ && *this == others;
    }

    void add(std::span<const token_id> ids) noexcept {
        for (const token_id id : ids) ids_.update<4>(static_cast<std::uint32_t>(id));
        position_ += static_cast<index>(ids.size());
    }
    /// Tokens whose ids only the device knows.
    void add_unseen(index tokens) noexcept {
        known_ = false;
        ids_ = fnv1a(0);
        position_ += tokens;
    }

    friend bool operator==(const tokens_read&, const tokens_read&) = default;

private:
    index position_ = 0;
    fnv1a ids_;
    bool known_ = true;
};

}  // namespace ssm
