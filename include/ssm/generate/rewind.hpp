// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/model_config.hpp>
#include <ssm/core/view.hpp>

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <span>

namespace ssm {

/// A model whose `forward` leaves a trace; see `model::replay`.
template <class M>
concept traces = M::has_traces;

/// What a sequence needs to go back up to `window` tokens, to the bit: the state that many tokens ago or earlier, and the
/// trace from there to now. Going back replays the scan from that state, in the order and with the operations of the
/// first time. A trace of a token is several times smaller than a state: of Falcon Mamba 6.3 times in float, 12.6 times in bf16.
template <class Model>
class rewind_history {
    using state_type = typename Model::state_type;
    using workspace_type = typename Model::workspace_type;

public:
    /// For a sequence that now stands at `now`. Throws memory_error.
    rewind_history(const Model& model, const state_type& now, index window)
        : window_(window), base_(now), trace_(model.make_trace(2 * window)) {}

    /// Tokens that `rewind` can go back: at least the window, once as many were read by `forward`.
    [[nodiscard]] index available() const noexcept { return trace_.size(); }
    /// The tokens it was made for.
    [[nodiscard]] index window() const noexcept { return window_; }
    /// The last token read. There is one available.
    [[nodiscard]] token_id last() const { return trace_.ids().back(); }
    [[nodiscard]] index bytes() const noexcept { return base_.bytes() + trace_.bytes(); }

    /// `model.forward` for at most `window` ids, which can be taken back.
    void forward(const Model& model, std::span<const token_id> ids, state_type& now, workspace_type& scratch,
                 matrix_view<float> logits) {
        assert(static_cast<index>(ids.size()) <= window_);
        if (static_cast<index>(ids.size()) > trace_.room()) {
            // The base moves up to a window before now, which happens once in a window's tokens.
            const index old = trace_.size() - window_;
            model.replay(trace_, old, base_, scratch);
            trace_.drop_first(model.device(), old);
        }
        model.forward(ids, now, scratch, logits, trace_);
    }

    /// The sequence now stands at `now` and cannot go back from there.
    void restart(const state_type& now) {
        base_ = now;
        trace_.keep_first(0);
    }

    /// Takes the last `tokens` tokens back, which are available.
    void rewind(const Model& model, index tokens, state_type& now, workspace_type& scratch) {
        assert(tokens <= available());
        now = base_;
        trace_.keep_first(trace_.size() - tokens);
        model.replay(trace_, trace_.size(), now, scratch);
    }

private:
    index window_;
    state_type base_;
    typename Model::trace_type trace_;
};

/// The history of a model's sequences, or an empty class for a model without traces.
template <class Model>
struct history_of {
    struct type {};
};
template <traces Model>
struct history_of<Model> {
    using type = rewind_history<Model>;
};

}  // namespace ssm
