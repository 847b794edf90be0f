// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/concepts.hpp>
#include <ssm/core/error.hpp>
#include <ssm/core/view.hpp>
#include <ssm/model/tokens_read.hpp>

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace ssm {

/// What one layer remembers of a sequence, in rows of `channels` floats.
struct layer_shape {
    index window = 0;    ///< K-1, inputs kept for the convolution
    index states = 0;    ///< N
    index channels = 0;  ///< inner width

    /// Floats of one layer of one sequence.
    [[nodiscard]] constexpr index size() const noexcept { return (window + states) * channels; }

    friend bool operator==(const layer_shape&, const layer_shape&) = default;
};

/// One layer's part of a state.
struct layer_state {
    matrix_view<float> window;  ///< (sequences * (K-1), channels)
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
    /// The state before the first token: all zero. Throws memory_error.
    state(const Backend& device, index layers, layer_shape shape, index sequences = 1)
        : layers_(layers),
          shape_(shape),
          sequences_(static_cast<std::size_t>(sequences)),
          memory_(device.template allocate<float>(layers * layer_size(), "state")) {}

    /// One sequence as `values(device)` gave it, of this or of another backend; values (layers * shape.size()). Throws
    /// argument_error for another number of values, and memory_error.
    state(const Backend& device, index layers, layer_shape shape, const tokens_read& read,
          std::span<const float> values)
        : layers_(layers),
          shape_(shape),
          sequences_{{read, conv_state::advance(0, shape.window, read.position())}},
          memory_(device.template upload<float>(reordered(checked(values), by_slot))) {}

    /// Bytes of backend memory that such a state takes.
    [[nodiscard]] static constexpr index bytes_of(index layers, layer_shape shape, index sequences) noexcept {
        return layers * sequences * shape.size() * static_cast<index>(sizeof(float));
    }

    /// Tokens that a sequence has seen.
    [[nodiscard]] index position(index sequence = 0) const noexcept { return read(sequence).position(); }
    /// How many those are, and which.
    [[nodiscard]] const tokens_read& read(index sequence = 0) const noexcept { return at(sequence).read; }
    [[nodiscard]] index sequences() const noexcept { return static_cast<index>(sequences_.size()); }
    /// Bytes of backend memory.
    [[nodiscard]] index bytes() const noexcept { return bytes_of(layers_, shape_, sequences()); }
    [[nodiscard]] index layers() const noexcept { return layers_; }
    [[nodiscard]] const layer_shape& shape() const noexcept { return shape_; }

    [[nodiscard]] layer_state layer(index i) noexcept { return layer(i, 0, sequences()); }
    /// Of sequences [first, first + count), whose cursors are equal.
    [[nodiscard]] layer_state layer(index i, index first, index count) noexcept {
        assert(first >= 0 && count >= 1 && first + count <= sequences());
        return {matrix_view<float>(memory_.data() + window_at(i, first), count * shape_.window, shape_.channels),
                matrix_view<float>(memory_.data() + h_at(i, first), count * shape_.states, shape_.channels),
                at(first).cursor, count};
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
        if (layers_ != other.layers_ || shape_ != other.shape_)
            throw argument_error(
                {"state::copy_sequence", "state", "one of another shape", "one of the same model", {}});
        require_sequences(to, 1);
        other.require_sequences(from, 1);
        at(to).read = other.read(from);
        const auto copy_rows = [&](index target, index source, index rows) {
            device.copy(matrix_view<const float>(other.memory_.data() + source, rows, shape_.channels),
                        matrix_view<float>(memory_.data() + target, rows, shape_.channels));
        };
        for (index i = 0; i < layers_; ++i) {
            for (index age = 1; age <= shape_.window; ++age)
                copy_rows(window_at(i, to) + row_of(age, at(to).cursor) * shape_.channels,
                          other.window_at(i, from) + row_of(age, other.at(from).cursor) * shape_.channels, 1);
            copy_rows(h_at(i, to), other.h_at(i, from), shape_.states);
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
        for (index s = 0; s < count; ++s) {
            at(first + s).read.add(ids.subspan(static_cast<std::size_t>(s) * tokens, tokens));
            move_cursor(first + s, static_cast<index>(tokens));
        }
    }
    /// The same for tokens whose ids the host does not know, of all sequences or of some.
    void advance(index tokens) noexcept { advance(0, sequences(), tokens); }
    void advance(index first, index count, index tokens) noexcept {
        for (index s = first; s < first + count; ++s) {
            at(s).read.add_unseen(tokens);
            move_cursor(s, tokens);
        }
    }

    friend bool operator==(const state&, const state&) = default;

private:
    using conv_state = typename Arch::conv_state;

    struct progress {
        tokens_read read;
        index cursor = 0;
        friend bool operator==(const progress&, const progress&) = default;
    };
    enum row_order { by_age, by_slot };

    [[nodiscard]] progress& at(index s) noexcept { return sequences_[static_cast<std::size_t>(s)]; }
    [[nodiscard]] const progress& at(index s) const noexcept { return sequences_[static_cast<std::size_t>(s)]; }
    [[nodiscard]] index layer_size() const noexcept { return sequences() * shape_.size(); }

    [[nodiscard]] std::span<const float> checked(std::span<const float> values) const {
        const index expected = layers_ * shape_.size();
        if (static_cast<index>(values.size()) == expected) return values;
        throw argument_error({"state", "values", std::to_string(values.size()), std::to_string(expected), {}});
    }

    /// Where the rows of a sequence begin in memory_: of a layer all windows lie before all h.
    [[nodiscard]] index window_at(index layer, index s) const noexcept {
        return layer * layer_size() + s * shape_.window * shape_.channels;
    }
    [[nodiscard]] index h_at(index layer, index s) const noexcept {
        return layer * layer_size() + (sequences() * shape_.window + s * shape_.states) * shape_.channels;
    }
    /// The row of a window that holds the input of this age.
    [[nodiscard]] index row_of(index age, index cursor) const noexcept {
        return conv_state::slot(age, shape_.window, cursor);
    }

    void move_cursor(index s, index tokens) noexcept {
        at(s).cursor = conv_state::advance(at(s).cursor, shape_.window, tokens);
    }

    /// The values of one sequence with the rows of its windows brought from the other order into this one.
    [[nodiscard]] std::vector<float> reordered(std::span<const float> values, row_order order) const {
        std::vector<float> result(values.begin(), values.end());
        for (index i = 0; i < layers_; ++i)
            for (index age = 1; age <= shape_.window; ++age) {
                const index oldest_first = shape_.window - age;
                const index slot = row_of(age, at(0).cursor);
                const index from = window_at(i, 0) + (order == by_age ? slot : oldest_first) * shape_.channels;
                const index to = window_at(i, 0) + (order == by_age ? oldest_first : slot) * shape_.channels;
                std::copy_n(values.begin() + from, shape_.channels, result.begin() + to);
            }
        return result;
    }

    index layers_;
    layer_shape shape_;
    std::vector<progress> sequences_;
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
