// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/concepts.hpp>
#include <ssm/core/dtype.hpp>
#include <ssm/core/error.hpp>
#include <ssm/core/model_config.hpp>
#include <ssm/model/layer_pattern.hpp>
#include <ssm/model/layer_stack.hpp>
#include <ssm/model/state.hpp>
#include <ssm/model/trace.hpp>
#include <ssm/model/weights.hpp>
#include <ssm/model/workspace.hpp>
#include <ssm/policy/execution.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

namespace ssm {

/// A language model of `Arch` on `Backend`: a handle on shared const weights and the device they live on, cheap to copy.
/// The device must outlive it. Several threads may call one model, each with its own state and workspace.
template <class Backend, class Arch>
class model {
    static_assert(ssm::backend<Backend>,
                  "ssm: model's first parameter is a backend: see backend/concepts.hpp for what it owes");

public:
    using backend = Backend;
    using arch = Arch;
    using state_type = state<Backend, Arch>;
    using range_type = state_range<Backend, Arch>;
    using workspace_type = workspace<Backend>;
    using trace_type = trace<Backend>;

    /// Whether logits and states have the same bits for every split of a prompt, every prefill policy, read or written,
    /// in every batch, on any number of threads.
    static constexpr bool is_schedule_invariant =
        executes_invariantly<Backend> && layer_stack<Backend, pattern_of<Arch>>::runs_in_order;

    model(std::shared_ptr<const weights<Backend, Arch>> weights, const Backend& device)
        : weights_(std::move(weights)), device_(&device) {}

    [[nodiscard]] const model_config& config() const noexcept { return weights_->config; }
    [[nodiscard]] const Backend& device() const noexcept { return *device_; }
    /// Bytes of the weights; those used in place count as well.
    [[nodiscard]] index weight_bytes() const { return weights_->bytes(); }
    /// Which model this is, whatever backend and dtype it runs in: see `weights`.
    [[nodiscard]] std::uint64_t fingerprint() const noexcept { return weights_->fingerprint; }
    /// What the matrices are kept in.
    [[nodiscard]] dtype matrix_type() const { return weights_->head.type(); }

    /// What the layers of such a model remember.
    [[nodiscard]] static auto shape(const model_config& config) { return layers_type::shape(config); }

    /// For another model of the same weights, such as one on another device object that sees the same memory.
    [[nodiscard]] const std::shared_ptr<const weights<Backend, Arch>>& shared_weights() const noexcept {
        return weights_;
    }

    /// The state before the first token of one sequence, or of several that are read in step. Throws argument_error for
    /// fewer than one, or memory_error.
    [[nodiscard]] state_type start_state(index sequences = 1) const {
        if (sequences < 1 || sequences > max_tokens())
            throw argument_error({"start_state", "sequences", std::to_string(sequences), "at least 1", {}});
        return state_type(device(), shape(config()), sequences);
    }

    /// Scratch for calls of at most `tokens` tokens, of all sequences together. Throws argument_error or memory_error.
    [[nodiscard]] workspace_type make_workspace(index tokens) const {
        const index most = max_tokens();
        if (tokens < 1 || tokens > most)
            throw argument_error({"make_workspace", "tokens", std::to_string(tokens), "1 to " + std::to_string(most),
                                  "prefill a longer prompt in chunks"});
        return workspace_type(device(), tokens, scratch(config(), tokens));
    }
    /// What such a workspace takes, ids included.
    [[nodiscard]] static index workspace_bytes(const model_config& config, index tokens) {
        return scratch(config, tokens) + tokens * index{sizeof(token_id)};
    }

    /// Whether `forward` can leave a trace.
    static constexpr bool has_traces = layer_stack<Backend, pattern_of<Arch>>::replays_all;

    /// A trace of at most `tokens` tokens of one sequence. Throws memory_error. A template, as all is that not every model
    /// has: clang before 16 compiles every other member of a class that is instantiated by name, whatever it requires.
    template <class M = model>
    [[nodiscard]] trace_type make_trace(index tokens) const requires M::has_traces {
        return trace_type(device(), config().layers, layers_type::trace_width(config()), tokens);
    }

    /// What it takes.
    template <class M = model>
    [[nodiscard]] static index trace_bytes(const model_config& config, index tokens) requires M::has_traces {
        return trace_type::bytes_of(config.layers, layers_type::trace_width(config), tokens);
    }

    /// Runs `ids` through the model, moves `memory` on by as many tokens, and writes the logits of the last
    /// logits.rows() of them; logits (rows, vocab), 0 <= rows <= ids.size(). On an error nothing has changed.
    /// With several sequences, ids and logits hold equally many tokens of each, one sequence after the other. `memory` is
    /// a state, or a range of its sequences.
    ///
    /// Throws argument_error: no ids, more than the workspace holds, an id outside the vocabulary, logits of another
    /// shape, a state of another shape, a position past 2^63.
    void forward(std::span<const token_id> ids, range_type memory, workspace_type& scratch,
                 matrix_view<float> logits) const {
        check(ids);
        check(static_cast<index>(ids.size()), memory, scratch, logits);
        const vector_view<token_id> stored = scratch.ids(static_cast<index>(ids.size()));
        device().write(ids, stored);
        run(stored, memory, scratch, logits);
        memory.advance(ids);
    }

    /// The same for one sequence, whose trace becomes longer by the ids. Throws argument_error as above, and when the
    /// trace has no room for them.
    template <class M = model>
    void forward(std::span<const token_id> ids, state_type& memory, workspace_type& scratch, matrix_view<float> logits,
                 trace_type& trace) const requires M::has_traces {
        const auto tokens = static_cast<index>(ids.size());
        if (tokens > trace.room() || memory.sequences() != 1)
            throw refuse("trace", std::to_string(tokens) + " tokens",
                         "at most the trace's " + std::to_string(trace.room()) + ", of one sequence", "");
        check(ids);
        check(tokens, memory, scratch, logits);
        const vector_view<token_id> stored = scratch.ids(tokens);
        device().write(ids, stored);
        run(stored, memory, scratch, logits, &trace);
        memory.advance(0, 1, ids);
        trace.add(ids);
    }

    /// Moves a state on over the first `tokens` tokens of a trace, from where it stood before the first of them: to the
    /// state after the last of them, without the weights. Throws argument_error for more than the trace or the workspace
    /// holds, or a state of another shape.
    template <class M = model>
    void replay(const trace_type& trace, index tokens, state_type& memory,
                workspace_type& scratch) const requires M::has_traces {
        if (tokens > trace.size())
            throw refuse("trace", std::to_string(tokens) + " tokens", "at most its " + std::to_string(trace.size()),
                         "");
        for (index done = 0; done < tokens;) {
            const index count = std::min(tokens - done, scratch.capacity());
            check(count, memory, scratch, {});
            weights_->layers.for_each([&](index i, const auto& layer) {
                layer.replay(device(), trace.layer(i, done, count), memory.layer(i), scratch);
            });
            memory.advance(0, 1, trace.ids().subspan(static_cast<std::size_t>(done), static_cast<std::size_t>(count)));
            done += count;
        }
    }

    /// The same for ids in the backend's memory, which nothing checks: one outside the vocabulary gives NaN logits.
    /// Throws argument_error as above.
    void forward(vector_view<const token_id> ids, range_type memory, workspace_type& scratch,
                 matrix_view<float> logits) const {
        check(ids.size(), memory, scratch, logits);
        run(ids, memory, scratch, logits);
        memory.advance(ids.size() / memory.sequences());
    }

    /// Whether sequences of a call may have different numbers of tokens.
    static constexpr bool is_ragged = layer_stack<Backend, pattern_of<Arch>>::mixes_all;

    /// One token of each sequence of `steps`, and then the others of `ids`, at least one, of the one sequence of `chunk`,
    /// in one pass over the weights. The sequences are different ones. Writes the logits after the token of each of
    /// `steps`, and after the last one of `chunk` when `logits` has a row more; logits (rows, vocab). On an error nothing
    /// has changed. Throws argument_error as above.
    template <class M = model>
    void forward(std::span<const token_id> ids, range_type steps, range_type chunk, workspace_type& scratch,
                 matrix_view<float> logits) const requires M::is_ragged {
        const auto tokens = static_cast<index>(ids.size());
        const index rest = tokens - steps.sequences();
        check(ids);
        check_room(tokens, scratch);
        if (rest < 1 || chunk.sequences() != 1)
            throw refuse("ids", std::to_string(tokens) + " tokens",
                         "one of each of " + std::to_string(steps.sequences()) + " sequences, and some of one more",
                         "");
        if (steps.overlaps(chunk)) throw refuse("state", "a sequence in both ranges", "different sequences", "");
        check_logits(logits, logits.rows() == steps.sequences() || logits.rows() == steps.sequences() + 1,
                     [&] { return std::to_string(steps.sequences()) + " rows or one more"; });
        check(steps, 1);
        check(chunk, rest);
        const vector_view<token_id> stored = scratch.ids(tokens);
        device().write(ids, stored);
        run(stored, steps, chunk, scratch, logits);
        steps.advance(ids.first(static_cast<std::size_t>(steps.sequences())));
        chunk.advance(ids.subspan(static_cast<std::size_t>(steps.sequences())));
    }

private:
    using layers_type = layer_stack<Backend, pattern_of<Arch>>;

    void run(vector_view<const token_id> ids, range_type memory, workspace_type& scratch, matrix_view<float> logits,
             trace_type* trace = nullptr) const {
        const index mark = scratch.mark();
        const matrix_view<float> residual = scratch.template take<float>(ids.size(), config().hidden);
        device().embed(weights_->embedding, ids, residual);
        weights_->layers.for_each([&](index i, const auto& layer) {
            layer.forward(device(), memory.layer(i), scratch, residual,
                          trace == nullptr ? activations<Backend>() : trace->layer(i, trace->size(), ids.size()));
        });
        if (!logits.empty())
            write_logits(residual, ids.size() / memory.sequences(), memory.sequences(), scratch, logits);
        scratch.rewind(mark);
    }

    template <class M = model>
    void run(vector_view<const token_id> ids, range_type steps, range_type chunk, workspace_type& scratch,
             matrix_view<float> logits) const requires M::is_ragged {
        const index mark = scratch.mark();
        const index count = steps.sequences();
        const matrix_view<float> residual = scratch.template take<float>(ids.size(), config().hidden);
        device().embed(weights_->embedding, ids, residual);
        weights_->layers.for_each([&](index i, const auto& layer) {
            const std::array<layer_part, 2> parts{{{steps.layer(i), count}, {chunk.layer(i), ids.size() - count}}};
            layer.forward(device(), parts, scratch, residual);
        });
        const activations<Backend> normed = scratch.take(logits.rows(), config().hidden);
        const auto normalise = [&](index from, index to, index rows) {
            device().rms_norm(residual.rows(from, rows),
                              vector_view<const float>(weights_->norm.data(), config().hidden), config().norm_eps,
                              normed.rows(to, rows));
        };
        normalise(0, 0, count);
        if (logits.rows() > count) normalise(ids.size() - 1, count, 1);
        device().multiply(normed, weights_->head, {}, logits);
        scratch.rewind(mark);
    }

    /// Of the last tokens of each sequence; residual (sequences * tokens, hidden).
    void write_logits(matrix_view<const float> residual, index tokens, index sequences, workspace_type& scratch,
                      matrix_view<float> logits) const {
        const vector_view<const float> gain(weights_->norm.data(), config().hidden);
        const index wanted = logits.rows() / sequences;
        const activations<Backend> normed = scratch.take(logits.rows(), config().hidden);
        if (wanted == tokens)
            device().rms_norm(residual, gain, config().norm_eps, normed);
        else
            for (index s = 0; s < sequences; ++s)
                device().rms_norm(residual.rows((s + 1) * tokens - wanted, wanted), gain, config().norm_eps,
                                  normed.rows(s * wanted, wanted));
        device().multiply(normed, weights_->head, {}, logits);
    }

    [[nodiscard]] static index scratch(const model_config& config, index tokens) {
        return scratch_size<float>(tokens, config.hidden) + layers_type::scratch(config, tokens);
    }

    /// The longest call whose scratch is countable; memory ends long before.
    [[nodiscard]] index max_tokens() const { return (index{1} << 60) / (scratch(config(), 128) / 128 + 1); }

    static argument_error refuse(const char* what, const std::string& found, const std::string& expected,
                                 const char* remedy) {
        return argument_error({"model::forward", what, found, expected, remedy});
    }

    void check(std::span<const token_id> ids) const {
        for (std::size_t i = 0; i < ids.size(); ++i)
            if (ids[i] < 0 || ids[i] >= config().vocab)
                throw refuse("ids", "token " + std::to_string(ids[i]) + " at position " + std::to_string(i),
                             "0 to " + std::to_string(config().vocab - 1),
                             "the tokenizer and the model must belong together");
    }

    void check(index tokens, range_type memory, const workspace_type& scratch, matrix_view<float> logits) const {
        check_room(tokens, scratch);
        const index sequences = memory.sequences();
        if (tokens % sequences != 0)
            throw refuse("ids", std::to_string(tokens) + " tokens",
                         "equally many of each of " + std::to_string(sequences) + " sequences", "");
        check_logits(logits, logits.rows() <= tokens && logits.rows() % sequences == 0,
                     [&] { return "at most " + std::to_string(tokens) + " rows, equally many of each sequence"; });
        check(memory, tokens);
    }

    void check_room(index tokens, const workspace_type& scratch) const {
        if (tokens == 0)
            throw refuse("ids", "none", "at least one token",
                         "begin an empty prompt with the beginning- or end-of-text token");
        if (tokens > scratch.capacity())
            throw refuse("ids", std::to_string(tokens) + " tokens",
                         "at most the workspace's " + std::to_string(scratch.capacity()),
                         "make a larger workspace or run in chunks");
    }

    template <class Describe>
    void check_logits(matrix_view<float> logits, bool rows_are_right, const Describe& rows) const {
        if (!rows_are_right || (!logits.empty() && logits.columns() != config().vocab))
            throw refuse("logits", "(" + std::to_string(logits.rows()) + ", " + std::to_string(logits.columns()) + ")",
                         "(rows, " + std::to_string(config().vocab) + ") with " + rows(), "");
    }

    void check(range_type memory, index tokens) const {
        if (memory.whole().shape() != shape(config()))
            throw refuse("state", "one of another shape", "one made by this model's start_state", "");
        if (tokens > tokens_read::most - memory.position())
            throw refuse("state", "position " + std::to_string(memory.position()),
                         "a position that can be counted after " + std::to_string(tokens) + " more tokens",
                         "start a new sequence");
    }

    std::shared_ptr<const weights<Backend, Arch>> weights_;
    const Backend* device_;
};

}  // namespace ssm
