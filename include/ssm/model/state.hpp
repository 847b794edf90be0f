// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/concepts.hpp>
#include <ssm/core/view.hpp>

namespace ssm {

/// What one layer remembers of a sequence, in rows of `channels` floats.
struct layer_shape {
    index window = 0;    ///< K-1, inputs kept for the convolution
    index states = 0;    ///< N
    index channels = 0;  ///< inner width

    friend bool operator==(const layer_shape&, const layer_shape&) = default;
};

/// One layer's part of a state.
struct layer_state {
    matrix_view<float> window;  ///< (sequences * (K-1), channels)
    matrix_view<float> h;       ///< (sequences * states, channels)
    index cursor;               ///< of the conv-state policy
    index sequences;
};

/// Everything a model remembers of one sequence, or of several that are read in step: per layer the last K-1 conv inputs
/// and h, in float. Its size does not depend on the sequences' length. A value: copying forks the sequences, and equality
/// is that of the numbers.
template <class Backend, class Arch>
class state {
public:
    /// The state before the first token: all zero. Throws memory_error.
    state(const Backend& device, index layers, layer_shape shape, index sequences = 1)
        : layers_(layers),
          shape_(shape),
          sequences_(sequences),
          memory_(device.template allocate<float>(layers * layer_size(), "state")) {}

    /// Tokens that each sequence of this state has seen.
    [[nodiscard]] index position() const noexcept { return position_; }
    [[nodiscard]] index sequences() const noexcept { return sequences_; }
    /// Bytes of backend memory.
    [[nodiscard]] index bytes() const noexcept { return layers_ * layer_size() * static_cast<index>(sizeof(float)); }
    [[nodiscard]] index layers() const noexcept { return layers_; }
    [[nodiscard]] const layer_shape& shape() const noexcept { return shape_; }

    [[nodiscard]] layer_state layer(index i) noexcept {
        const index window_rows = sequences_ * shape_.window;
        float* const start = memory_.data() + i * layer_size();
        return {matrix_view<float>(start, window_rows, shape_.channels),
                matrix_view<float>(start + window_rows * shape_.channels, sequences_ * shape_.states, shape_.channels),
                cursor_, sequences_};
    }

    /// Called by the model once every layer has seen `tokens` more tokens of each sequence.
    void advance(index tokens) noexcept {
        cursor_ = Arch::conv_state::advance(cursor_, shape_.window, tokens);
        position_ += tokens;
    }

    friend bool operator==(const state&, const state&) = default;

private:
    [[nodiscard]] index layer_size() const noexcept {
        return sequences_ * (shape_.window + shape_.states) * shape_.channels;
    }

    index layers_;
    layer_shape shape_;
    index sequences_;
    index cursor_ = 0;
    index position_ = 0;
    typename Backend::template buffer<float> memory_;
};

}  // namespace ssm
