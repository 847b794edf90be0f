// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/concepts.hpp>
#include <ssm/core/model_config.hpp>
#include <ssm/model/mixer.hpp>
#include <ssm/model/state.hpp>
#include <ssm/model/weight_loader.hpp>
#include <ssm/model/workspace.hpp>

#include <span>
#include <string>

namespace ssm {

/// One layer of the residual stream: residual += mixer(rms_norm(residual)).
template <class Backend, class Arch>
class block {
public:
    using mixer = typename Arch::template mixer<Backend, Arch>;
    static_assert(mixer_on<mixer, Backend>,
                  "ssm: an arch's mixer needs a constructor (weight_loader&, prefix, config), shape, scratch, bytes "
                  "and forward: see model/mixer.hpp");

    block(weight_loader<Backend>& load, const std::string& prefix, const model_config& config)
        : eps_(config.norm_eps),
          gain_(load.vector(prefix + "norm.weight", config.hidden)),
          mixer_(load, prefix + "mixer.", config) {}

    /// Workspace bytes that `forward` takes for this many tokens.
    [[nodiscard]] static index scratch(const model_config& config, index tokens) {
        return scratch_size<typename Backend::activation>(tokens, config.hidden) + mixer::scratch(config, tokens);
    }

    /// residual (sequences * tokens, hidden), in place. The trace, unless empty, is the mixer's.
    void forward(const Backend& device, layer_state memory, workspace<Backend>& scratch, matrix_view<float> residual,
                 activations<Backend> trace = {}) const {
        const index mark = scratch.mark();
        const vector_view<const float> gain(gain_.data(), residual.columns());
        if constexpr (steps_with_norm<mixer, Backend>)
            if (trace.empty() && residual.rows() == memory.sequences && mixer_.steps(device, memory)) {
                mixer_.step(device, gain, eps_, memory, scratch, residual);
                scratch.rewind(mark);
                return;
            }
        const activations<Backend> normed = scratch.take(residual.rows(), residual.columns());
        device.rms_norm(residual, gain, eps_, normed);
        if constexpr (replays<mixer, Backend>)
            mixer_.forward(device, normed, memory, scratch, residual, trace);
        else
            mixer_.forward(device, normed, memory, scratch, residual);
        scratch.rewind(mark);
    }

    /// The same for parts of residual that have each a state of their own. A template, as `replay` is, for what
    /// `model::make_trace` says.
    template <class M = mixer>
    void forward(const Backend& device, std::span<const layer_part> parts, workspace<Backend>& scratch,
                 matrix_view<float> residual) const requires mixes_parts<M, Backend> {
        const index mark = scratch.mark();
        const activations<Backend> normed = scratch.take(residual.rows(), residual.columns());
        device.rms_norm(residual, vector_view<const float>(gain_.data(), residual.columns()), eps_, normed);
        mixer_.forward(device, normed, parts, scratch, residual);
        scratch.rewind(mark);
    }

    /// Moves the layer's state on as the `forward` did that left this trace.
    template <class M = mixer>
    void replay(const Backend& device, const_activations<Backend> trace, layer_state memory,
                workspace<Backend>& scratch) const requires replays<M, Backend> {
        const index mark = scratch.mark();
        mixer_.replay(device, trace, memory, scratch);
        scratch.rewind(mark);
    }

    [[nodiscard]] index bytes() const { return mixer_.bytes() + static_cast<index>(gain_.size() * sizeof(float)); }

private:
    float eps_;
    typename Backend::template buffer<float> gain_;  // (hidden)
    mixer mixer_;
};

}  // namespace ssm
