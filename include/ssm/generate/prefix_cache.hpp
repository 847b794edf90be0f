// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/error.hpp>
#include <ssm/core/hash.hpp>
#include <ssm/core/model_config.hpp>
#include <ssm/generate/session.hpp>
#include <ssm/generate/snapshot.hpp>
#include <ssm/model/tokens_read.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <list>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace ssm {

/// What a `prefix_cache` did so far.
struct prefix_record {
    index hits = 0;     ///< starts that found a prefix
    index misses = 0;   ///< starts that began with nothing
    index reused = 0;   ///< tokens that need not be read, of all hits
    index evicted = 0;  ///< snapshots given up for others
};

/// Snapshots by the exact tokens they cover, so that a prompt goes on from the longest beginning of it that was read
/// before: at any token, for a state is as large after one token as after another. What was used longest ago goes first
/// when the bytes run out. One call at a time.
template <class Model>
class prefix_cache {
public:
    /// A session that has read the prompt, and how much of it came from the cache: 0 is a miss.
    struct started {
        ssm::session<Model> session;
        index reused;
    };

    /// For snapshots of `bytes` bytes together, of which states count in the backend's memory, the rest on the host.
    /// Throws argument_error for a negative number.
    prefix_cache(Model model, index bytes) : model_(std::move(model)), budget_(bytes) {
        if (bytes < 0) throw argument_error({"prefix_cache", "bytes", std::to_string(bytes), "0 or more", {}});
    }

    /// Reads a prompt, from the longest stored beginning of it on, and stores what comes of it. Throws as
    /// `session::prefill` does.
    template <class Policy = typename Model::arch::prefill>
    [[nodiscard]] started start(std::span<const token_id> prompt, const Policy& policy = {},
                                const session_options& options = {}) {
        const auto found = longest_prefix(prompt);
        const bool hit = found != entries_.end();
        const std::size_t reused = hit ? found->ids.size() : 0;
        ssm::session<Model> session =
            hit ? ssm::session<Model>(model_, found->at, options) : ssm::session<Model>(model_, options);
        if (hit) entries_.splice(entries_.begin(), entries_, found);
        if (reused < prompt.size()) {
            session.prefill(prompt.subspan(reused), policy);
            (void)put(prompt, session.snapshot());
        } else if (prompt.empty()) {
            session.prefill(prompt, policy);  // refuses it
        }
        ++(hit ? record_.hits : record_.misses);
        record_.reused += static_cast<index>(reused);
        return {std::move(session), static_cast<index>(reused)};
    }

    /// Stores a snapshot of a sequence that has read `ids`, in place of one of the same ids; its pending token is left
    /// out. False when it alone is larger than the budget. Throws argument_error for a snapshot of other ids, or of ids
    /// that are not known, and memory_error.
    bool put(std::span<const token_id> ids, snapshot<Model> at) {
        if (ids.empty() || !at.state.read().are(ids))
            throw argument_error({"prefix_cache::put",
                                  "snapshot",
                                  "one of " + std::to_string(at.state.position()) + " tokens",
                                  "one that has read these " + std::to_string(ids.size()) + " ids, and no others",
                                  {}});
        if (const auto same = find(key_of(ids), ids); same != entries_.end()) drop(same);
        at.pending.reset();
        entry made{key_of(ids), {ids.begin(), ids.end()}, std::move(at)};
        if (made.bytes() > budget_) return false;
        for (; bytes_ + made.bytes() > budget_; ++record_.evicted) drop(std::prev(entries_.end()));
        bytes_ += made.bytes();
        entries_.push_front(std::move(made));
        by_key_.emplace(entries_.front().key, entries_.begin());
        return true;
    }

    /// How many tokens of a prompt `start` would not have to read now.
    [[nodiscard]] index stored_prefix(std::span<const token_id> prompt) {
        const auto found = longest_prefix(prompt);
        return found == entries_.end() ? 0 : static_cast<index>(found->ids.size());
    }

    void clear() noexcept {
        entries_.clear();
        by_key_.clear();
        bytes_ = 0;
    }

    [[nodiscard]] const prefix_record& record() const noexcept { return record_; }
    [[nodiscard]] index bytes() const noexcept { return bytes_; }
    [[nodiscard]] index size() const noexcept { return static_cast<index>(entries_.size()); }

private:
    struct entry {
        std::uint64_t key;  // the digest of ids
        std::vector<token_id> ids;
        snapshot<Model> at;

        [[nodiscard]] index bytes() const noexcept {
            return at.state.bytes() +
                   static_cast<index>(at.logits.size() * sizeof(float) + ids.size() * sizeof(token_id));
        }
    };
    using entry_list = std::list<entry>;
    using place = typename entry_list::iterator;

    [[nodiscard]] static std::uint64_t key_of(std::span<const token_id> ids) {
        tokens_read read;
        read.add(ids);
        return *read.digest();
    }

    /// The entry of exactly these ids; digests may be equal by chance.
    [[nodiscard]] place find(std::uint64_t key, std::span<const token_id> ids) {
        const auto [first, last] = by_key_.equal_range(key);
        for (auto at = first; at != last; ++at)
            if (std::equal(ids.begin(), ids.end(), at->second->ids.begin(), at->second->ids.end())) return at->second;
        return entries_.end();
    }

    /// One look-up a token, for the digest of a prefix is the digest so far. A snapshot without logits serves only where
    /// more tokens follow.
    [[nodiscard]] place longest_prefix(std::span<const token_id> prompt) {
        place longest = entries_.end();
        tokens_read read;
        for (std::size_t n = 1; n <= prompt.size(); ++n) {
            read.add(prompt.subspan(n - 1, 1));
            const place found = find(*read.digest(), prompt.first(n));
            if (found != entries_.end() && (n < prompt.size() || !found->at.logits.empty())) longest = found;
        }
        return longest;
    }

    void drop(place at) {
        const auto [first, last] = by_key_.equal_range(at->key);
        by_key_.erase(std::find_if(first, last, [&](const auto& key) { return key.second == at; }));
        bytes_ -= at->bytes();
        entries_.erase(at);
    }

    Model model_;
    index budget_;
    index bytes_ = 0;
    entry_list entries_;  // the one used last comes first
    std::unordered_multimap<std::uint64_t, place> by_key_;
    prefix_record record_;
};

}  // namespace ssm
