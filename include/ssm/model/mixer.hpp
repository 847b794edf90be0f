// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/concepts.hpp>
#include <ssm/core/model_config.hpp>
#include <ssm/model/state.hpp>
#include <ssm/model/weight_loader.hpp>
#include <ssm/model/workspace.hpp>

#include <concepts>
#include <span>
#include <string>

namespace ssm {

/// Built from a checkpoint's tensors whose names begin with a prefix.
template <class M, class Backend>
concept loads_weights = std::constructible_from < M,
        weight_loader<Backend>
&, const std::string&, const model_config& > ;

/// `shape(config)` says what a layer remembers, `scratch(config, tokens)` how many bytes it takes from the workspace.
template <class M>
concept states_memory = requires(const M mixer, const model_config& config, index tokens) {
    { M::shape(config) } -> std::same_as<layer_shape>;
    { M::scratch(config, tokens) } -> std::same_as<index>;
    { mixer.bytes() } -> std::same_as<index>;
};

/// `forward` adds the mixer's output to the residual stream and moves the layer's state on.
template <class M, class Backend>
concept mixes_time = requires(const M mixer, const Backend& device, const_activations<Backend> u, layer_state memory,
                              workspace<Backend>& scratch, matrix_view<float> residual) {
    mixer.forward(device, u, memory, scratch, residual);
};

/// Optional: the norm and the mixer at once for one token of each sequence. `steps(device, memory)` says whether `step`
/// serves this many sequences.
template <class M, class Backend>
concept steps_with_norm = requires(const M mixer, const Backend& device, vector_view<const float> gain, float eps,
                                   layer_state memory, workspace<Backend>& scratch, matrix_view<float> residual) {
    { mixer.steps(device, memory) } -> std::same_as<bool>;
    mixer.step(device, gain, eps, memory, scratch, residual);
};

/// Optional: sequences of a call may have different numbers of tokens. `forward` takes parts, whose rows lie one after the
/// other in u and residual, for the layer_state of one.
template <class M, class Backend>
concept mixes_parts = requires(const M mixer, const Backend& device, const_activations<Backend> u,
                               std::span<const layer_part> parts, workspace<Backend>& scratch,
                               matrix_view<float> residual) {
    mixer.forward(device, u, parts, scratch, residual);
};

/// Optional: what moves the state on can be kept and used again, so that a sequence can go back some tokens. `forward`
/// with a sixth argument writes it to trace (tokens, `trace_width(config)`), `replay` reads it and leaves the state that
/// `forward` left.
template <class M, class Backend>
concept replays = requires(const M mixer, const Backend& device, const model_config& config,
                           const_activations<Backend> u, layer_state memory, workspace<Backend>& scratch,
                           matrix_view<float> residual, activations<Backend> trace, const_activations<Backend> kept) {
    { M::trace_width(config) } -> std::same_as<index>;
    mixer.forward(device, u, memory, scratch, residual, trace);
    mixer.replay(device, kept, memory, scratch);
};

/// The part of a block that looks back in time.
template <class M, class Backend>
concept mixer_on = loads_weights<M, Backend> && states_memory<M> && mixes_time<M, Backend>;

}  // namespace ssm
