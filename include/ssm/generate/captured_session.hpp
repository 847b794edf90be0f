// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/error.hpp>
#include <ssm/core/model_config.hpp>
#include <ssm/core/sampling_options.hpp>
#include <ssm/core/view.hpp>
#include <ssm/generate/enqueued_session.hpp>
#include <ssm/generate/prompt.hpp>
#include <ssm/generate/sampler.hpp>
#include <ssm/policy/prefill.hpp>

#include <concepts>
#include <optional>
#include <span>
#include <utility>

namespace ssm {

/// A backend that records what is enqueued and runs it again: `capture(enqueue)` runs nothing and gives what `replay`
/// takes. `samples_with(options)` tells whether `make_sampler` has all of them; `read(from, to)` fetches token ids once
/// they are written.
template <class B>
concept captures = requires(const B device, void (*enqueue)(), const sampling_options& options,
                            vector_view<const token_id> from, std::span<token_id> to) {
    device.replay(device.capture(enqueue));
    { B::samples_with(options) } -> std::same_as<bool>;
    device.make_sampler(options, index{1});
    device.read(from, to);
    device.synchronize();
};

/// One sequence whose step is captured once and replayed. Where the backend has the sampler, the choice is part of the
/// step, and all that a token costs the host is one launch and one id that comes back; options that only `ssm::sampler`
/// has are sampled by it, from logits that come to the host. A token source for `generate`.
///
/// A seed gives other draws in the backend's memory than on the host; greedy choices are the same.
template <class Model>
class captured_session {
    using backend = typename Model::backend;
    static_assert(captures<backend>,
                  "ssm: this backend cannot capture a step: use ssm::session, which needs no capture");
    using device_sampler = decltype(std::declval<const backend&>().make_sampler(sampling_options{}, index{1}));
    using captured_step = decltype(std::declval<const backend&>().capture(std::declval<void (*)()>()));

public:
    /// An empty sequence, of which prompts are read `longest_chunk` tokens at a time. Throws argument_error for an option
    /// out of range, and memory_error.
    explicit captured_session(Model model, const sampling_options& sampling = {},
                              index longest_chunk = in_chunks{}.length)
        : policy_{longest_chunk},
          sequence_(std::move(model), 1, longest_chunk),
          id_(device().template allocate<token_id>(1, "token id")) {
        if (backend::samples_with(validated(sampling)))
            on_device_.emplace(device().make_sampler(sampling, config().vocab));
        else
            on_host_.emplace(sampling);
    }

    /// Reads `ids`, and returns when that is done. Throws argument_error, with nothing changed, for no ids or one outside
    /// the vocabulary, and `cancelled` when `progress` says so.
    void prefill(std::span<const token_id> ids, const prefill_progress& progress = nullptr) {
        check_tokens(ids, config().vocab);
        if (pending_) sequence_.enqueue_step(id());
        pending_ = has_logits_ = false;
        if (on_host_) on_host_->observe(ids);
        const auto total = static_cast<index>(ids.size());
        for_each_chunk(total, policy_, progress, [&](index first, index count) {
            sequence_.enqueue_chunk(ids.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count)),
                                    first + count == total);
            if (progress) device().synchronize();
        });
        device().synchronize();
        has_logits_ = true;
    }

    /// The token that comes next; the first call captures the step. Throws argument_error when nothing was prefilled yet, or
    /// when the logits leave no choice, and device_error.
    [[nodiscard]] token_id next() {
        if (!has_logits_)
            throw argument_error({"captured_session", "next", "no token before the first one", "a prefilled prompt",
                                  "begin an empty prompt with the beginning- or end-of-text token"});
        if (!step_) capture();
        if (pending_) {
            device().replay(*step_);
            sequence_.count_replays(1);
        } else if (on_device_) {
            sequence_.enqueue_choice(*on_device_, id());
        }
        pending_ = false;
        const token_id chosen = on_device_ ? choice_on_device() : choice_on_host();
        pending_ = true;
        return chosen;
    }

    /// What the model remembers; it has not seen the token chosen last.
    [[nodiscard]] const typename Model::state_type& state() const noexcept { return sequence_.state(); }
    /// Bytes of scratch: proportional to the longest chunk.
    [[nodiscard]] index scratch_bytes() const { return sequence_.scratch_bytes(); }
    [[nodiscard]] const Model& model() const noexcept { return sequence_.model(); }

private:
    [[nodiscard]] const backend& device() const { return model().device(); }
    [[nodiscard]] const model_config& config() const { return model().config(); }
    [[nodiscard]] vector_view<token_id> id() { return vector_view<token_id>(id_.data(), 1); }

    void capture() {
        step_.emplace(device().capture([this] {
            sequence_.enqueue_step(id());
            if (on_device_) sequence_.enqueue_choice(*on_device_, id());
        }));
        sequence_.count_replays(-1);  // the capture counted as one, and ran nothing
    }

    [[nodiscard]] token_id choice_on_device() {
        token_id chosen = -1;
        device().read(vector_view<const token_id>(id()), {&chosen, 1});
        if (chosen < 0)
            throw argument_error({"captured_session", "logits", "NaN, infinity or nothing finite",
                                  "numbers, at least one of them finite", "check the checkpoint for damaged weights"});
        return chosen;
    }
    [[nodiscard]] token_id choice_on_host() {
        const token_id chosen = (*on_host_)(device().download(sequence_.logits()));
        device().write({&chosen, 1}, id());
        return chosen;
    }

    in_chunks policy_;
    enqueued_session<Model> sequence_;
    typename backend::template buffer<token_id> id_;  // (1), of the token chosen last
    std::optional<device_sampler> on_device_;         // one of the two
    std::optional<sampler> on_host_;
    std::optional<captured_step> step_;  // run the token in id_, and choose the next one where on_device_ does
    bool has_logits_ = false;
    bool pending_ = false;  // the token in id_ was chosen and is not run
};

}  // namespace ssm
