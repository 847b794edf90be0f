// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/error.hpp>
#include <ssm/core/model_config.hpp>
#include <ssm/core/view.hpp>
#include <ssm/generate/prompt.hpp>
#include <ssm/generate/rewind.hpp>
#include <ssm/generate/snapshot.hpp>
#include <ssm/policy/prefill.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace ssm {

/// What a session asks of a model; `ssm::model` is one.
template <class M>
concept language_model = std::copyable<M> &&
    requires(const M model, std::span<const token_id> ids, typename M::state_type& state,
             typename M::workspace_type& scratch, matrix_view<float> logits) {
    typename M::arch::prefill;
    { model.config() } -> std::convertible_to<const model_config&>;
    { model.device() } -> std::convertible_to<const typename M::backend&>;
    { model.start_state() } -> std::same_as<typename M::state_type>;
    { model.make_workspace(index{1}) } -> std::same_as<typename M::workspace_type>;
    { M::workspace_bytes(model.config(), index{1}) } -> std::same_as<index>;
    model.forward(ids, state, scratch, logits);
};

/// Chooses a token from logits (vocab); `ssm::sampler` is one.
template <class S>
concept token_chooser = std::is_invocable_r_v<token_id, S&, std::span<const float>>;

/// What a session is made for.
struct session_options {
    index rewind = 0;  ///< tokens that `rewind_to` can go back
};

/// One sequence being read and written: a state, the logits after its last token, and scratch that is reused.
///
/// A token that `next` has chosen is run through the model when the one after it is asked for, or when more text is
/// prefilled, so that the last one costs nothing. Copying a session forks the sequence.
template <class Model>
class session {
    static_assert(language_model<Model>,
                  "ssm: a session is made from a model: see language_model in generate/session.hpp for what it owes");

    using backend = typename Model::backend;
    using buffer = typename backend::template buffer<float>;

public:
    using model_type = Model;
    using state_type = typename Model::state_type;

    /// An empty sequence. Throws memory_error.
    explicit session(Model model, const session_options& options = {}) : session(model, model.start_state(), options) {}
    /// Goes on from a state of `model`, by way of `prefill`. Throws memory_error.
    session(Model model, state_type state, const session_options& options = {})
        : session(std::move(model), ssm::snapshot<Model>{std::move(state)}, options) {}
    /// Goes on from where another session of the model stood. Throws argument_error for a snapshot of another vocabulary
    /// or a model that cannot go back, and memory_error.
    session(Model model, ssm::snapshot<Model> from, const session_options& options = {})
        : model_(std::move(model)),
          state_(std::move(from.state)),
          logits_(model_.device().template allocate<float>(model_.config().vocab, "logits")),
          has_logits_(!from.logits.empty()),
          pending_(from.pending) {
        if (pending_) check_tokens({&*pending_, 1}, model_.config().vocab);
        if (options.rewind != 0) keep_history(options.rewind);
        if (!has_logits_) return;
        if (static_cast<index>(from.logits.size()) != model_.config().vocab)
            throw argument_error({"session", "snapshot", std::to_string(from.logits.size()) + " logits",
                                  std::to_string(model_.config().vocab), "a snapshot belongs to its model"});
        host_logits() = std::move(from.logits);
    }

    /// Reads `ids`, in chunks as `policy` says; every policy leaves the same state.
    ///
    /// Throws argument_error, with nothing changed, for no ids or one outside the vocabulary, memory_error for a budget
    /// that is too small, and `cancelled` when `progress` says so: position() then tells how far it came, and another
    /// prefill may go on from there.
    template <class Policy = typename Model::arch::prefill>
    void prefill(std::span<const token_id> ids, const Policy& policy = {}, const prefill_progress& progress = nullptr) {
        check_tokens(ids, model_.config().vocab);
        const auto cut =
            resolved(policy, [&](index tokens) { return Model::workspace_bytes(model_.config(), tokens); });
        run_pending(0);
        has_logits_ = false;
        const auto total = static_cast<index>(ids.size());
        for_each_chunk(total, traceable_chunks(cut), progress, [&](index first, index count) {
            const bool last = first + count == total;
            run(ids.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count)),
                logits_view(last ? 1 : 0));
            if (last) keep_logits();
        });
    }

    /// The token that `choose` picks to come next. Throws argument_error when nothing was prefilled yet, and whatever
    /// `choose` throws, with the sequence unchanged.
    template <class Chooser>
    [[nodiscard]] token_id next(Chooser&& choose) {
        static_assert(token_chooser<std::remove_reference_t<Chooser>>,
                      "ssm: what chooses a token is callable with std::span<const float> and returns a token_id");
        const token_id id = choose(logits());
        check_tokens({&id, 1}, model_.config().vocab);
        pending_ = id;
        return id;
    }

    /// The logits (vocab) after the last token, for which a pending one is run first. Throws argument_error when
    /// nothing was prefilled yet.
    [[nodiscard]] std::span<const float> logits() {
        run_pending(1);
        if (!has_logits_ && available() > 0) run_last_again();
        if (!has_logits_)
            throw argument_error({"session", "logits", "no token before the first one", "a prefilled prompt",
                                  "begin an empty prompt with the beginning- or end-of-text token"});
        return host_logits();
    }

    /// Reads `ids` at once and returns the logits after each of them, (ids, vocab) row by row, until the next call.
    /// Throws as `prefill` does.
    [[nodiscard]] std::span<const float> score(std::span<const token_id> ids) {
        check_tokens(ids, model_.config().vocab);
        run_pending(0);
        const index vocab = model_.config().vocab;
        const auto total = static_cast<index>(ids.size());
        if (total * vocab > static_cast<index>(score_rows_.size()))
            score_rows_ = model_.device().template allocate<float>(total * vocab, "logits");
        const matrix_view<float> rows(score_rows_.data(), total, vocab);
        for_each_chunk(total, traceable_chunks(whole_prompt{}), nullptr, [&](index first, index count) {
            run(ids.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count)), rows.rows(first, count));
        });
        model_.device().copy(rows.rows(total - 1, 1), logits_view(1));
        keep_logits();
        scores_ = model_.device().download(matrix_view<const float>(rows));
        return scores_;
    }

    /// Tokens that `rewind_to` can go back now: as many as the session was made for, once as many were read.
    [[nodiscard]] index rewindable() const {
        // One token is kept for its logits, unless that would be the one before the first.
        const index kept = available();
        return kept == position() ? kept : std::max<index>(kept - 1, 0);
    }

    /// Goes back to where `position` tokens were read, to the bit; a pending token is dropped. `next` then chooses from
    /// the logits after the last token that is left. Throws argument_error, with nothing changed, for a position too far
    /// back or ahead.
    void rewind_to(index position) {
        const index now = this->position();
        if (position < now - rewindable() || position > now)
            throw argument_error({"session::rewind_to", "position", std::to_string(position),
                                  std::to_string(now - rewindable()) + " to " + std::to_string(now),
                                  "make the session with a larger session_options::rewind"});
        pending_.reset();
        if (position == now) return;
        has_logits_ = false;
        take_back(now - position);
    }

    /// Where the sequence stands, to go on from later, elsewhere or more than once.
    [[nodiscard]] ssm::snapshot<Model> snapshot() const {
        return {state_, has_logits_ && !pending_ ? host_logits() : std::vector<float>(), pending_};
    }

    /// What the model remembers; it has not seen the pending token.
    [[nodiscard]] const state_type& state() const noexcept { return state_; }
    /// The token chosen last, until it is run.
    [[nodiscard]] std::optional<token_id> pending() const noexcept { return pending_; }
    /// Tokens that the state has seen.
    [[nodiscard]] index position() const { return state_.position(); }
    /// Bytes of scratch: proportional to the longest chunk so far.
    [[nodiscard]] index scratch_bytes() const { return scratch_ ? scratch_->bytes() : 0; }
    [[nodiscard]] const Model& model() const noexcept { return model_; }

private:
    static constexpr bool on_host = std::is_same_v<buffer, std::vector<float>>;

    void reserve_scratch(index tokens) {
        if (scratch_ && tokens <= scratch_->capacity()) return;
        scratch_.reset();  // first, so that the two never take memory together
        scratch_.emplace(model_.make_workspace(tokens));
    }

    void run(std::span<const token_id> ids, matrix_view<float> logits) {
        const auto count = static_cast<index>(ids.size());
        reserve_scratch(count);
        if constexpr (traces<Model>)
            if (history_ && count <= history_->window())
                return history_->forward(model_, ids, state_, *scratch_, logits);
        model_.forward(ids, state_, *scratch_, logits);
        if constexpr (traces<Model>)
            if (history_) history_->restart(state_);
    }

    void run_pending(index logit_rows) {
        if (!pending_) return;
        run({&*pending_, 1}, logits_view(logit_rows));
        pending_.reset();
        if (logit_rows > 0) keep_logits();
    }

    void keep_logits() {
        has_logits_ = true;
        if constexpr (!on_host) downloaded_ = model_.device().download(logits_view(1));
    }

    void keep_history(index rewind) {
        if constexpr (traces<Model>) {
            if (rewind < 1)
                throw argument_error({"session_options", "rewind", std::to_string(rewind), "0 or more", {}});
            history_.emplace(model_, state_, rewind + 1);  // one more, whose logits are computed again
        } else {
            throw argument_error({"session_options", "rewind", std::to_string(rewind), "0",
                                  "the model's mixer does not satisfy `replays` in model/mixer.hpp"});
        }
    }

    [[nodiscard]] index available() const {
        if constexpr (traces<Model>)
            return history_ ? history_->available() : 0;
        else
            return 0;
    }

    /// A policy's chunks, but for the last tokens of a prompt, which are cut off: those that can be taken back.
    template <class Policy>
    struct traceable {
        Policy policy;
        index window;  // 0 for a session that does not go back
        [[nodiscard]] index next_chunk(index left) const {
            const index count = policy.next_chunk(left);
            return window > 0 && left > window && count <= left ? std::min(count, left - window) : count;
        }
    };
    template <class Policy>
    [[nodiscard]] traceable<Policy> traceable_chunks(const Policy& policy) const {
        if constexpr (traces<Model>)
            if (history_) return {policy, history_->window()};
        return {policy, 0};
    }

    void take_back(index tokens) {
        if constexpr (traces<Model>) {
            reserve_scratch(1);
            history_->rewind(model_, tokens, state_, *scratch_);
        }
    }

    void run_last_again() {
        if constexpr (traces<Model>) {
            const token_id last = history_->last();
            take_back(1);
            run({&last, 1}, logits_view(1));
            keep_logits();
        }
    }

    [[nodiscard]] matrix_view<float> logits_view(index rows) {
        return matrix_view<float>(logits_.data(), rows, model_.config().vocab);
    }
    [[nodiscard]] const std::vector<float>& host_logits() const {
        if constexpr (on_host)
            return logits_;
        else
            return downloaded_;
    }
    [[nodiscard]] std::vector<float>& host_logits() {
        return const_cast<std::vector<float>&>(std::as_const(*this).host_logits());
    }

    Model model_;
    state_type state_;
    std::optional<typename Model::workspace_type> scratch_;  // made when first needed
    buffer logits_;                                          // (vocab), of the last token
    std::vector<float> downloaded_;  // the same, where the host cannot read the backend's memory
    bool has_logits_ = false;
    std::optional<token_id> pending_;
    std::optional<typename history_of<Model>::type> history_;  // when made to go back
    buffer score_rows_;                                        // (tokens, vocab) of `score`
    std::vector<float> scores_;
};

}  // namespace ssm
