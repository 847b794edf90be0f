// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/ssm.hpp>

#include <cstddef>
#include <span>
#include <vector>

#include "own_recurrences.hpp"
#include "support/random_tokens.hpp"
#include "support/random_weights.hpp"

/// \file
/// What the tests of whole models compare, in a form that does not depend on the backend. The CPU's side of it is compiled
/// by the host compiler, because nvcc does not take its vectors.
namespace ssm::test {

/// Logits after the last token, and the states of all layers.
struct outcome {
    std::vector<float> logits, states;
    friend bool operator==(const outcome&, const outcome&) = default;
};

template <class Model>
outcome read(const Model& model, const std::vector<token_id>& ids, index chunk) {
    session session{model};
    session.prefill(ids, in_chunks{chunk});
    outcome result;
    const auto logits = session.logits();
    result.logits.assign(logits.begin(), logits.end());
    result.states = session.state().values(model.device());
    return result;
}

struct ring_arch : falcon_mamba_arch {
    using conv_state = ring_window;
};
struct parallel_arch : falcon_mamba_arch {
    using scan = chunked;
};
struct learned_arch : falcon_mamba_arch {
    using bcdt_norm = learned_rms;
};
struct held_arch : falcon_mamba_arch {
    template <class S, class Input>
    using recurrence = held_selective<S, Input>;
};

/// `read` on the CPU in chunks of 512. Defined for falcon_mamba_arch and the archs above.
template <class Arch>
outcome read_on_cpu(const random_weights& weights, const std::vector<token_id>& ids);

/// The greedy continuation of a prompt by the tiny model in the repository.
template <class Model>
std::vector<token_id> continue_greedily(const Model& model, const std::vector<token_id>& prompt, int tokens) {
    session sequence{model};
    sampler greedy({.temperature = 0});
    sequence.prefill(prompt);
    std::vector<token_id> ids;
    for (int i = 0; i < tokens; ++i) ids.push_back(sequence.next(greedy));
    return ids;
}
std::vector<token_id> tiny_model_on_cpu(const std::vector<token_id>& prompt, int tokens);

/// The snapshot after `ids` as the CPU writes it, and what the CPU makes of one that then reads `more`.
std::vector<std::byte> saved_on_cpu(const random_weights& weights, const std::vector<token_id>& ids);
outcome resumed_on_cpu(const random_weights& weights, std::span<const std::byte> snapshot,
                       const std::vector<token_id>& more);

/// What a model makes of a snapshot that then reads `more`.
template <class Model>
outcome resumed(const Model& model, std::span<const std::byte> snapshot, const std::vector<token_id>& more) {
    session session{model, from_bytes(model, snapshot)};
    session.prefill(more);
    outcome result;
    result.logits.assign(session.logits().begin(), session.logits().end());
    result.states = session.state().values(model.device());
    return result;
}

}  // namespace ssm::test
