// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/dtype.hpp>

#include <array>
#include <cstddef>

namespace ssm {

/// What one layer remembers of a sequence: a window of (window, convolved) floats and h, (states, channels).
struct layer_shape {
    index window = 0;            ///< K-1, inputs kept for the convolution
    index states = 0;            ///< N
    index channels = 0;          ///< inner width
    index convolved = channels;  ///< channels of the convolution, where it has others

    /// Floats of one layer of one sequence.
    [[nodiscard]] constexpr index size() const noexcept { return window * convolved + states * channels; }

    friend bool operator==(const layer_shape&, const layer_shape&) = default;
};

/// What all layers remember of a sequence: the shapes of `pattern` take turns.
template <std::size_t Period = 1>
struct state_shape {
    index layers = 0;
    std::array<layer_shape, Period> pattern = {};

    [[nodiscard]] constexpr const layer_shape& operator[](index layer) const noexcept {
        return pattern[static_cast<std::size_t>(layer) % Period];
    }
    /// Floats of the layers before this one, of one sequence.
    [[nodiscard]] constexpr index before(index layer) const noexcept {
        constexpr auto period = static_cast<index>(Period);
        index floats = 0;
        for (index i = 0; i < period; ++i) floats += (layer + period - 1 - i) / period * (*this)[i].size();
        return floats;
    }
    /// Floats of one sequence.
    [[nodiscard]] constexpr index size() const noexcept { return before(layers); }

    friend bool operator==(const state_shape&, const state_shape&) = default;
};

}  // namespace ssm
