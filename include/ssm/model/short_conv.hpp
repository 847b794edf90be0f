// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/concepts.hpp>
#include <ssm/core/model_config.hpp>
#include <ssm/model/mixer_parameters.hpp>
#include <ssm/model/state.hpp>
#include <ssm/model/weight_loader.hpp>
#include <ssm/policy/conv_state.hpp>

#include <string>

namespace ssm {

/// The depthwise causal convolution of a mixer, with SiLU behind it. `ConvState` says how its last inputs are kept.
template <class Backend, class ConvState>
class short_conv {
    static_assert(conv_state_policy<ConvState>,
                  "ssm: an arch's conv_state is a conv-state policy: shift_window, ring_window or your own");

public:
    /// Takes `prefix` + "conv1d.weight", (channels, 1, K), and "conv1d.bias".
    short_conv(weight_loader<Backend>& load, const std::string& prefix, index channels, const model_config& config)
        : channels_(channels),
          taps_(load.upload(transposed(load.values(prefix + "conv1d.weight", {channels, 1, config.conv}), channels))),
          bias_(load.vector_if(config.conv_bias, prefix + "conv1d.bias", channels)) {}

    /// y = silu(conv(x)); x and y (sequences * tokens, channels). Moves the window on, not its cursor.
    void forward(const Backend& device, const_activations<Backend> x, const layer_state& memory,
                 activations<Backend> y) const {
        device.template causal_conv_silu<ConvState>(x, taps(), bias(), memory.window, memory.cursor, memory.sequences,
                                                    y);
    }

    /// (K, channels)
    [[nodiscard]] matrix_view<const float> taps() const {
        return matrix_view<const float>(taps_.data(), static_cast<index>(taps_.size()) / channels_, channels_);
    }
    /// (channels) or empty
    [[nodiscard]] vector_view<const float> bias() const { return view_of(bias_); }
    /// Of backend memory.
    [[nodiscard]] index bytes() const { return bytes_of(taps_, bias_); }

private:
    using vector = typename Backend::template buffer<float>;

    index channels_;
    vector taps_;  // (K, channels)
    vector bias_;  // (channels) or empty
};

}  // namespace ssm
