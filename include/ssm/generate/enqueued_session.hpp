// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/error.hpp>
#include <ssm/core/model_config.hpp>
#include <ssm/core/view.hpp>
#include <ssm/generate/prompt.hpp>
#include <ssm/generate/session.hpp>
#include <ssm/policy/prefill.hpp>

#include <span>
#include <utility>

namespace ssm {

/// A backend that chooses tokens where the logits are: `sample(logits, sampler, ids)` writes one id after each row.
template <class B, class Sampler>
concept samples = requires(const B device, matrix_view<const float> logits, Sampler& sampler,
                           vector_view<token_id> ids) {
    device.sample(logits, sampler, ids);
};

/// One sequence, or several in step, that live in the backend's memory: token ids go in and come out there, nothing waits
/// and, after the constructor, nothing is allocated. So a host application can enqueue it between its own work, and
/// capture a step in a graph.
///
/// Ids are not checked: one outside the vocabulary gives NaN logits, for which a sampler writes -1.
template <class Model>
class enqueued_session {
    static_assert(language_model<Model>,
                  "ssm: a session is made from a model: see language_model in generate/session.hpp for what it owes");
    using backend = typename Model::backend;

public:
    /// `sequences` empty sequences, prefilled with at most `longest_chunk` tokens of each at a time. Throws
    /// argument_error or memory_error.
    explicit enqueued_session(Model model, index sequences = 1, index longest_chunk = in_chunks{}.length)
        : model_(std::move(model)),
          state_(model_.start_state(sequences)),
          scratch_(model_.make_workspace(sequences * longest_chunk)),
          logits_(model_.device().template allocate<float>(sequences * model_.config().vocab, "logits")) {}

    /// Reads ids (tokens) in chunks as `policy` says, and leaves the logits after the last one. Several sequences are
    /// read at once: ids (sequences * tokens). Throws argument_error for a chunk longer than the constructor was told.
    template <class Policy = typename Model::arch::prefill>
    void enqueue_prefill(vector_view<const token_id> ids, const Policy& policy = {}) {
        static_assert(prefill_policy<Policy>,
                      "ssm: a prefill policy has `index next_chunk(index left) const`: see policy/prefill.hpp");
        if (state_.sequences() > 1) return enqueue_chunk(ids, true);
        for_each_chunk(ids.size(), policy, nullptr, [&](index first, index count) {
            enqueue_chunk(vector_view<const token_id>(ids.data() + first, count), first + count == ids.size());
        });
    }

    /// Reads ids in one go, from the backend's memory or, as a span, from the host's, and leaves the logits after the last
    /// one if they are wanted. Throws argument_error for more than the constructor was told, and for ids of the host's
    /// outside the vocabulary.
    void enqueue_chunk(vector_view<const token_id> ids, bool wants_logits) {
        model_.forward(ids, state_, scratch_, wants_logits ? logits() : no_logits());
    }
    void enqueue_chunk(std::span<const token_id> ids, bool wants_logits) {
        model_.forward(ids, state_, scratch_, wants_logits ? logits() : no_logits());
    }

    /// Reads the token of each sequence in ids (sequences).
    void enqueue_step(vector_view<const token_id> ids) { enqueue_chunk(ids, true); }

    /// ids (sequences) <- the tokens that `sampler` chooses from the logits.
    template <class Sampler>
    void enqueue_choice(Sampler& sampler, vector_view<token_id> ids) {
        static_assert(samples<backend, Sampler>,
                      "ssm: the backend has no sample(logits, sampler, ids) for this sampler");
        model_.device().sample(logits(), sampler, ids);
    }

    /// Reads the token of each sequence in ids (sequences) and writes the one that comes next in its place.
    template <class Sampler>
    void enqueue_next(Sampler& sampler, vector_view<token_id> ids) {
        enqueue_step(ids);
        enqueue_choice(sampler, ids);
    }

    /// Tells the session that a captured `enqueue_next` ran `times` times more, which it cannot see; capturing it has
    /// counted once already.
    void count_replays(index times) {
        static_assert(Model::arch::conv_state::advance(0, 3, 1) == 0,
                      "ssm: a graph replays the conv state's cursor of its capture: use shift_window");
        state_.advance(times);
    }

    /// The logits (sequences, vocab) after the last token, in the backend's memory.
    [[nodiscard]] matrix_view<float> logits() {
        return matrix_view<float>(logits_.data(), state_.sequences(), model_.config().vocab);
    }
    [[nodiscard]] const typename Model::state_type& state() const noexcept { return state_; }
    [[nodiscard]] index scratch_bytes() const { return scratch_.bytes(); }
    [[nodiscard]] const Model& model() const noexcept { return model_; }

private:
    [[nodiscard]] matrix_view<float> no_logits() {
        return matrix_view<float>(logits_.data(), 0, model_.config().vocab);
    }

    Model model_;
    typename Model::state_type state_;
    typename Model::workspace_type scratch_;
    typename backend::template buffer<float> logits_;
};

}  // namespace ssm
