// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/concepts.hpp>
#include <ssm/core/error.hpp>
#include <ssm/core/view.hpp>
#include <ssm/model/layer_pattern.hpp>
#include <ssm/model/state_shape.hpp>
#include <ssm/model/tokens_read.hpp>

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace ssm {

/// One layer's part of a state.
struct layer_state {
    matrix_view<float> window;  ///< (sequences * (K-1), convolved channels)
    matrix_view<float> h;       ///< (sequences * states, channels)
    index cursor;               ///< of the conv-state policy
    index sequences;
};

/// Neighbouring rows of a call, and what they look back on: equally many tokens of each of its sequences.
struct layer_part {
    layer_state memory;
    index rows;
};

/// Everything a model remembers of one sequence, or of several: per layer the last K-1 conv inputs and h, in float. Its
/// size does not depend on the sequences' length. A value: copying forks the sequences, and equality is that of the
/// numbers and of the tokens read.
template <class Backend, class Arch>
class state {
public:
    using shape_type = state_shape<pattern_of<Arch>::size>;

    /// The state before the first token: all zero. Throws memory_error.
    state(const Backend& device, const shape_type& shape, index sequences = 1)
        : shape_(shape),
          read_(static_cast<std::size_t>(sequences)),
          memory_(device.template allocate<float>(sequences * shape.size(), "state")) {}

    /// One sequence as `values(device)` gave it, of this or of another backend; values (shape.size()). Throws
    /// argument_error for another number of values, and memory_error.
    state(const Backend& device, const shape_type& shape, const tokens_read& read, std::span<const float> values)
        : shape_(shape), read_{read}, memory_(device.template upload<float>(reordered(checked(values), by_slot))) {}

    /// Bytes of backend memory that such a state takes.
    [[nodiscard]] static constexpr index bytes_of(const shape_type& shape, index sequences) noexcept {
        return sequences * shape.size() * index{sizeof(float)};
    }

    /// Tokens that a sequence has seen.
    [[nodiscard]] index position(index sequence = 0) const noexcept { return read(sequence).position(); }
    /// How many those are, and which.
    [[nodiscard]] const tokens_read& read(index sequence = 0) const noexcept {
        return read_[static_cast<std::size_t>(sequence)];
    }
    [[nodiscard]] index sequences() const noexcept { return static_cast<index>(read_.size()); }
    /// Bytes of backend memory.
    [[nodiscard]] index bytes() const noexcept { return bytes_of(shape_, sequences()); }
    [[nodiscard]] const shape_type& shape() const noexcept { return shape_; }

    [[nodiscard]] layer_state layer(index i) noexcept { return layer(i, 0, sequences()); }
    /// Of sequences [first, first + count), whose cursors are equal.
    [[nodiscard]] layer_state layer(index i, index first, index count) noexcept {
        assert(first >= 0 && count >= 1 && first + count <= sequences());
        const layer_shape& shape = shape_[i];
        return {matrix_view<float>(memory_.data() + window_at(i, first), count * shape.window, shape.convolved),
                matrix_view<float>(memory_.data() + h_at(i, first), count * shape.states, shape.channels),
                cursor(i, first), count};
    }

    /// What the one sequence remembers as host floats, the same on every backend and for every conv-state policy: layer
    /// by layer, the window with its oldest row first and then h. Throws argument_error for a state of several.
    [[nodiscard]] std::vector<float> values(const Backend& device) const {
        if (sequences() != 1)
            throw argument_error({"state::values", "state", std::to_string(sequences()) + " sequences", "one",
                                  "take each out with copy_sequence"});
        const matrix_view<const float> all(memory_.data(), 1, static_cast<index>(memory_.size()));
        return reordered(device.download(all), by_age);
    }

    /// Sequence `to` of this state becomes what sequence `from` of another is. Throws argument_error for a state of
    /// another shape, or a sequence that is not there.
    void copy_sequence(const Backend& device, index to, const state& other, index from) {
        if (shape_ != other.shape_)
            throw argument_error(
                {"state::copy_sequence", "state", "one of another shape", "one of the same model", {}});
        require_sequences(to, 1);
        other.require_sequences(from, 1);
        read_[static_cast<std::size_t>(to)] = other.read(from);
        const auto copy_rows = [&](index target, index source, index rows, index columns) {
            device.copy(matrix_view<const float>(other.memory_.data() + source, rows, columns),
                        matrix_view<float>(memory_.data() + target, rows, columns));
        };
        for (index i = 0; i < shape_.layers; ++i) {
            const layer_shape& shape = shape_[i];
            for (index age = 1; age <= shape.window; ++age)
                copy_rows(window_at(i, to) + slot(i, age, cursor(i, to)) * shape.convolved,
                          other.window_at(i, from) + slot(i, age, other.cursor(i, from)) * shape.convolved, 1,
                          shape.convolved);
            copy_rows(h_at(i, to), other.h_at(i, from), shape.states, shape.channels);
        }
    }

    /// Throws argument_error unless there are sequences [first, first + count), at least one.
    void require_sequences(index first, index count) const {
        if (first < 0 || count < 1 || count > sequences() - first)
            throw argument_error({"state",
                                  "sequences",
                                  std::to_string(first) + " to " + std::to_string(first + count - 1),
                                  "some of 0 to " + std::to_string(sequences() - 1),
                                  {}});
    }

    /// Called by the model once every layer has seen `ids`, equally many of each sequence of a range.
    void advance(index first, index count, std::span<const token_id> ids) noexcept {
        const std::size_t tokens = ids.size() / static_cast<std::size_t>(count);
        for (std::size_t s = 0; s < static_cast<std::size_t>(count); ++s)
            read_[static_cast<std::size_t>(first) + s].add(ids.subspan(s * tokens, tokens));
    }
    /// The same for tokens whose ids the host does not know, of all sequences or of some.
    void advance(index tokens) noexcept { advance(0, sequences(), tokens); }
    void advance(index first, index count, index tokens) noexcept {
        for (index s = first; s < first + count; ++s) read_[static_cast<std::size_t>(s)].add_unseen(tokens);
    }

    friend bool operator==(const state&, const state&) = default;

private:
    using conv_state = typename Arch::conv_state;

    enum row_order { by_age, by_slot };

    [[nodiscard]] std::span<const float> checked(std::span<const float> values) const {
        if (static_cast<index>(values.size()) == shape_.size()) return values;
        throw argument_error({"state", "values", std::to_string(values.size()), std::to_string(shape_.size()), {}});
    }

    /// Where the rows of a sequence begin in memory_: of a layer all windows lie before all h.
    [[nodiscard]] index window_at(index layer, index s) const noexcept {
        return sequences() * shape_.before(layer) + s * shape_[layer].window * shape_[layer].convolved;
    }
    [[nodiscard]] index h_at(index layer, index s) const noexcept {
        return window_at(layer, sequences()) + s * shape_[layer].states * shape_[layer].channels;
    }
    /// Of a layer's window; it follows from how many tokens the sequence has read.
    [[nodiscard]] index cursor(index layer, index s) const noexcept {
        return conv_state::advance(0, shape_[layer].window, position(s));
    }
    /// The row of a window that holds the input of this age.
    [[nodiscard]] index slot(index layer, index age, index cursor) const noexcept {
        return conv_state::slot(age, shape_[layer].window, cursor);
    }

    /// The values of one sequence with the rows of its windows brought from the other order into this one.
    [[nodiscard]] std::vector<float> reordered(std::span<const float> values, row_order order) const {
        std::vector<float> result(values.begin(), values.end());
        for (index i = 0; i < shape_.layers; ++i)
            for (index age = 1; age <= shape_[i].window; ++age) {
                const index oldest_first = shape_[i].window - age;
                const index kept = slot(i, age, cursor(i, 0));
                const index columns = shape_[i].convolved;
                const index from = window_at(i, 0) + (order == by_age ? kept : oldest_first) * columns;
                const index to = window_at(i, 0) + (order == by_age ? oldest_first : kept) * columns;
                std::copy_n(values.begin() + from, columns, result.begin() + to);
            }
        return result;
    }

    shape_type shape_;
    std::vector<tokens_read> read_;
    typename Backend::template buffer<float> memory_;
};

/// Some neighbouring sequences of a state, which read the same number of tokens at a time: what `model::forward` runs.
/// Refers to the state.
template <class Backend, class Arch>
class state_range {
public:
    /// All of its sequences; implicit, because that is what a state is meant as.
    state_range(state<Backend, Arch>& all) noexcept : state_(&all), first_(0), count_(all.sequences()) {}
    /// Sequences [first, first + count), whose conv-state cursors are equal. Throws argument_error when they are not all
    /// there.
    state_range(state<Backend, Arch>& of, index first, index count) : state_(&of), first_(first), count_(count) {
        of.require_sequences(first, count);
    }

    [[nodiscard]] index sequences() const noexcept { return count_; }
    [[nodiscard]] const state<Backend, Arch>& whole() const noexcept { return *state_; }
    [[nodiscard]] layer_state layer(index i) const noexcept { return state_->layer(i, first_, count_); }
    [[nodiscard]] bool overlaps(const state_range& other) const noexcept {
        return state_ == other.state_ && first_ < other.first_ + other.count_ && other.first_ < first_ + count_;
    }
    /// The largest of its sequences' positions.
    [[nodiscard]] index position() const noexcept {
        index largest = 0;
        for (index s = first_; s < first_ + count_; ++s) largest = std::max(largest, state_->position(s));
        return largest;
    }

    /// Ids that the host knows, or their number.
    template <class Tokens>
    void advance(const Tokens& tokens) const noexcept {
        state_->advance(first_, count_, tokens);
    }

private:
    state<Backend, Arch>* state_;
    index first_;
    index count_;
};

}  // namespace ssm
