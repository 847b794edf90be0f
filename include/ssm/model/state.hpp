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
    matrix_view<float> window;  ///< (K-1, channels)
    matrix_view<float> h;       ///< (states, channels)
    index cursor;               ///< of the conv-state policy
};

/// Everything a model remembers of one sequence: per layer the last K-1 conv inputs and h, in float. Its size does not
/// depend on the sequence's length. A value: copying forks the sequence, and equality is that of the numbers.
template <class Backend, class Arch>
class state {
public:
    /// The state before the first token: all zero. Throws memory_error.
    state(const Backend& device, index layers, layer_shape shape)
        : layers_(layers), shape_(shape), memory_(device.template allocate<float>(layers * layer_size(), "state")) {}

    /// Tokens this state has seen.
    [[nodiscard]] index position() const noexcept { return position_; }
    /// Bytes of backend memory.
    [[nodiscard]] index bytes() const noexcept { return layers_ * layer_size() * static_cast<index>(sizeof(float)); }
    [[nodiscard]] index layers() const noexcept { return layers_; }
    [[nodiscard]] const layer_shape& shape() const noexcept { return shape_; }

    [[nodiscard]] layer_state layer(index i) noexcept {
        float* const start = memory_.data() + i * layer_size();
        return {matrix_view<float>(start, shape_.window, shape_.channels),
                matrix_view<float>(start + shape_.window * shape_.channels, shape_.states, shape_.channels), cursor_};
    }

    /// Called by the model once every layer has seen `tokens` more tokens.
    void advance(index tokens) noexcept {
        cursor_ = Arch::conv_state::advance(cursor_, shape_.window, tokens);
        position_ += tokens;
    }

    friend bool operator==(const state&, const state&) = default;

private:
    [[nodiscard]] index layer_size() const noexcept { return (shape_.window + shape_.states) * shape_.channels; }

    index layers_;
    layer_shape shape_;
    index cursor_ = 0;
    index position_ = 0;
    typename Backend::template buffer<float> memory_;
};

}  // namespace ssm
