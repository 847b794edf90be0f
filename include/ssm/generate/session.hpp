// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/error.hpp>
#include <ssm/core/model_config.hpp>
#include <ssm/core/view.hpp>
#include <ssm/generate/prompt.hpp>
#include <ssm/policy/prefill.hpp>

#include <concepts>
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
    model.forward(ids, state, scratch, logits);
};

/// Chooses a token from logits (vocab); `ssm::sampler` is one.
template <class S>
concept token_chooser = std::is_invocable_r_v<token_id, S&, std::span<const float>>;

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
    explicit session(Model model) : session(model, model.start_state()) {}
    /// Goes on from a state of `model`, by way of `prefill`. Throws memory_error.
    session(Model model, state_type state)
        : model_(std::move(model)),
          state_(std::move(state)),
          scratch_(model_.make_workspace(1)),
          logits_(model_.device().template allocate<float>(model_.config().vocab, "logits")) {}

    /// Reads `ids`, in chunks as `policy` says; every policy leaves the same state.
    ///
    /// Throws argument_error, with nothing changed, for no ids or one outside the vocabulary, and `cancelled` when
    /// `progress` says so: position() then tells how far it came, and another prefill may go on from there.
    template <class Policy = typename Model::arch::prefill>
    void prefill(std::span<const token_id> ids, const Policy& policy = {}, const prefill_progress& progress = nullptr) {
        static_assert(prefill_policy<Policy>,
                      "ssm: a prefill policy has `index next_chunk(index left) const`: see policy/prefill.hpp");
        check_tokens(ids, model_.config().vocab);
        if (pending_) run({&*pending_, 1}, 0);
        pending_.reset();
        has_logits_ = false;
        const auto total = static_cast<index>(ids.size());
        for_each_chunk(total, policy, progress, [&](index first, index count) {
            run(ids.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count)),
                first + count == total ? 1 : 0);
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
        if (pending_) run({&*pending_, 1}, 1);
        pending_.reset();
        if (!has_logits_)
            throw argument_error({"session", "logits", "no token before the first one", "a prefilled prompt",
                                  "begin an empty prompt with the beginning- or end-of-text token"});
        return host_logits();
    }

    /// What the model remembers; it has not seen the pending token.
    [[nodiscard]] const state_type& state() const noexcept { return state_; }
    /// The token chosen last, until it is run.
    [[nodiscard]] std::optional<token_id> pending() const noexcept { return pending_; }
    /// Tokens that the state has seen.
    [[nodiscard]] index position() const { return state_.position(); }
    /// Bytes of scratch: proportional to the longest chunk so far.
    [[nodiscard]] index scratch_bytes() const { return scratch_.bytes(); }
    [[nodiscard]] const Model& model() const noexcept { return model_; }

private:
    static constexpr bool on_host = std::is_same_v<buffer, std::vector<float>>;

    void run(std::span<const token_id> ids, index logit_rows) {
        const auto count = static_cast<index>(ids.size());
        if (count > scratch_.capacity()) scratch_ = model_.make_workspace(count);
        model_.forward(ids, state_, scratch_, logits_view(logit_rows));
        if (logit_rows == 0) return;
        has_logits_ = true;
        if constexpr (!on_host) downloaded_ = model_.device().download(logits_view(1));
    }

    [[nodiscard]] matrix_view<float> logits_view(index rows) {
        return matrix_view<float>(logits_.data(), rows, model_.config().vocab);
    }
    [[nodiscard]] std::span<const float> host_logits() const {
        if constexpr (on_host)
            return logits_;
        else
            return downloaded_;
    }

    Model model_;
    state_type state_;
    typename Model::workspace_type scratch_;
    buffer logits_;                  // (vocab), of the last token
    std::vector<float> downloaded_;  // the same, where the host cannot read the backend's memory
    bool has_logits_ = false;
    std::optional<token_id> pending_;
};

}  // namespace ssm
