// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/dtype.hpp>
#include <ssm/core/model_config.hpp>
#include <ssm/generate/batch.hpp>
#include <ssm/generate/session.hpp>
#include <ssm/generate/snapshot.hpp>
#include <ssm/policy/prefill.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace ssm::testing {

/// \file
/// What every model promises, as checks for an arch, a mixer or a backend of one's own, in any test framework:
///
///     CHECK(ssm::testing::chunk_invariance(model, ids) == "");
///
/// Each takes a model and the ids of a prompt, at least eight, and returns a sentence on the first thing that is not as
/// promised, or nothing. `bound` is how far logits and states may differ, relative to the largest of them: 0 asks for
/// equal bits, as `ssm::cpu` gives them.

/// What can be seen of a sequence: the logits after its last token, and its state.
struct observation {
    std::vector<float> logits;
    std::vector<float> state;
    index position = 0;
};

template <class Model>
[[nodiscard]] observation observe(session<Model>& of) {
    const std::span<const float> logits = of.logits();  // first, for it may read a pending token
    return {{logits.begin(), logits.end()}, of.state().values(of.model().device()), of.position()};
}
template <class Model>
[[nodiscard]] observation observe(const Model& model, const snapshot<Model>& at) {
    return {at.logits, at.state.values(model.device()), at.state.position()};
}

/// The largest difference relative to the largest magnitude in `expected`; infinite for a NaN or another length.
[[nodiscard]] inline double relative_error(std::span<const float> values, std::span<const float> expected) {
    if (values.size() != expected.size()) return INFINITY;
    double difference = 0;
    double largest = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        const double d = std::abs(static_cast<double>(values[i]) - static_cast<double>(expected[i]));
        if (std::isnan(d)) return INFINITY;
        difference = std::max(difference, d);
        largest = std::max(largest, std::abs(static_cast<double>(expected[i])));
    }
    return largest == 0 ? difference : difference / largest;
}

/// A sentence when two observations differ by more than `bound`; `what` begins it.
[[nodiscard]] inline std::string difference(const std::string& what, const observation& found,
                                            const observation& expected, double bound) {
    std::ostringstream text;
    if (found.position != expected.position)
        text << what << ": position " << found.position << " for " << expected.position;
    const auto compare = [&](const char* part, const std::vector<float>& a, const std::vector<float>& b) {
        const double error = relative_error(a, b);
        if (error > bound && text.str().empty())
            text << what << ": " << part << " differ by " << error << ", allowed are " << bound;
    };
    compare("logits", found.logits, expected.logits);
    compare("states", found.state, expected.state);
    return text.str();
}

/// What a prompt leaves in a new session.
template <class Model, class Policy>
[[nodiscard]] observation read(const Model& model, std::span<const token_id> ids, const Policy& policy) {
    session<Model> sequence(model);
    sequence.prefill(ids, policy);
    return observe(sequence);
}

/// Chooses this token from any logits.
[[nodiscard]] inline auto always(token_id id) {
    return [id](std::span<const float>) { return id; };
}

/// However a prompt is cut into calls, its logits and its state are the same.
template <class Model>
[[nodiscard]] std::string chunk_invariance(const Model& model, std::span<const token_id> ids, double bound = 0) {
    const observation whole = read(model, ids, whole_prompt{});
    for (const index length : {index{1}, index{2}, index{3}, index{7}, index{64}, static_cast<index>(ids.size()) - 1}) {
        std::string found =
            difference("chunks of " + std::to_string(length), read(model, ids, in_chunks{length}), whole, bound);
        if (!found.empty()) return found;
    }
    return {};
}

/// Text that a session wrote leaves what the same text leaves when it is read.
template <class Model>
[[nodiscard]] std::string prefill_is_decode(const Model& model, std::span<const token_id> ids, double bound = 0) {
    session<Model> written(model);
    written.prefill(ids.first(1));
    for (const token_id id : ids.subspan(1)) (void)written.next(always(id));
    return difference("written instead of read", observe(written), read(model, ids, whole_prompt{}), bound);
}

/// A sequence has the logits and the state that it has alone, whatever else is in its batch and whoever comes and goes.
template <class Model>
[[nodiscard]] std::string batch_invariance(const Model& model, std::span<const token_id> ids, double bound = 0) {
    constexpr index rows = 5;
    const std::size_t half = ids.size() / 2;
    batch<Model> crowd(model, rows, in_chunks{3});
    std::vector<index> names;
    for (index r = 0; r < rows; ++r) names.push_back(crowd.join(ids.subspan(static_cast<std::size_t>(r), half)));
    // Each row reads half of the ids, from its own place on, and then writes what follows there; the second goes early.
    std::vector<std::size_t> written(rows);
    const auto following = [&](index r) { return ids.subspan(static_cast<std::size_t>(r) + half); };
    for (index left = rows; left > 0;) {
        crowd.step();
        for (const index name : crowd.ready()) {
            const index r = std::find(names.begin(), names.end(), name) - names.begin();
            std::size_t& at = written[static_cast<std::size_t>(r)];
            if (at < following(r).size() && !(r == 1 && at == 1)) {
                (void)crowd.next(name, always(following(r)[at++]));
                continue;
            }
            const auto told = ids.subspan(static_cast<std::size_t>(r), half + at);
            std::string found =
                difference("row " + std::to_string(r) + " of a batch", observe(model, crowd.snapshot_of(name)),
                           read(model, told, whole_prompt{}), bound);
            if (!found.empty()) return found;
            crowd.remove(name);
            --left;
        }
    }
    return {};
}

/// A session goes on from the bytes of its snapshot as it would have gone on itself, to the bit.
template <class Model>
[[nodiscard]] std::string snapshot_round_trip(const Model& model, std::span<const token_id> ids) {
    for (const std::size_t cut : {std::size_t{1}, ids.size() / 2, ids.size() - 1}) {
        session<Model> whole(model);
        whole.prefill(ids.first(cut));
        const auto bytes = to_bytes(model, whole.snapshot());
        session<Model> resumed(model, from_bytes(model, bytes));
        std::string found = difference("resumed", observe(resumed), observe(whole), 0);
        if (!found.empty()) return found;
        if (to_bytes(model, resumed.snapshot()) != bytes) return "resumed: saved again, the bytes differ";
        for (session<Model>* s : {&whole, &resumed}) s->prefill(ids.subspan(cut));
        found = difference("resumed and gone on", observe(resumed), observe(whole), 0);
        if (!found.empty()) return found;
    }
    return {};
}

/// A copy of a session and its original do not see each other.
template <class Model>
[[nodiscard]] std::string fork_independence(const Model& model, std::span<const token_id> ids) {
    const std::size_t half = ids.size() / 2;
    session<Model> original(model);
    original.prefill(ids.first(half));
    session<Model> fork = original;
    const observation before = observe(original);
    const std::vector<token_id> other(ids.rbegin(), ids.rend());
    fork.prefill(other);
    std::string found = difference("original after its fork went on", observe(original), before, 0);
    if (!found.empty()) return found;
    const observation forked = observe(fork);
    original.prefill(ids.subspan(half));
    session<Model> straight(model);
    straight.prefill(ids.first(half));
    straight.prefill(ids.subspan(half));
    found = difference("original gone on", observe(original), observe(straight), 0);
    return !found.empty() ? found : difference("fork after its original went on", observe(fork), forked, 0);
}

/// A session that goes back some tokens has the state it had there, to the bit, and the logits it had there.
template <class Model>
[[nodiscard]] std::string exact_rewind(const Model& model, std::span<const token_id> ids, double bound = 0) {
    const auto window = static_cast<index>(ids.size() / 2);
    session<Model> sequence(model, session_options{.rewind = window});
    std::vector<observation> at;
    for (std::size_t i = 0; i < ids.size(); ++i) {
        sequence.prefill(ids.subspan(i, 1));
        at.push_back(observe(sequence));
    }
    for (index back = 1; back <= window; ++back) {
        session<Model> returned = sequence;
        returned.rewind_to(sequence.position() - back);
        const observation& before = at[ids.size() - 1 - static_cast<std::size_t>(back)];
        if (returned.state().values(model.device()) != before.state)
            return "back " + std::to_string(back) + " tokens: the state is another";
        std::string found = difference("back " + std::to_string(back) + " tokens", observe(returned), before, bound);
        if (!found.empty()) return found;
    }
    return {};
}

/// Two models, of one checkpoint on two backends or in two dtypes, agree within `bound`.
template <class Model, class Reference>
[[nodiscard]] std::string agreement(const Model& model, const Reference& reference, std::span<const token_id> ids,
                                    double bound) {
    return difference("against the reference", read(model, ids, in_chunks{}), read(reference, ids, in_chunks{}), bound);
}

}  // namespace ssm::testing
