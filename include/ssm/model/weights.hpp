// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/concepts.hpp>
#include <ssm/core/hash.hpp>
#include <ssm/core/model_config.hpp>
#include <ssm/model/layer_pattern.hpp>
#include <ssm/model/layer_stack.hpp>
#include <ssm/model/weight_loader.hpp>

#include <cstdint>
#include <span>
#include <string>

namespace ssm {

/// All weights of a model, in the backend's memory; const once made, so that any number of sessions share them.
template <class Backend, class Arch>
struct weights {
    /// Throws format_error for an absent or misshapen tensor.
    weights(weight_loader<Backend>& load, const model_config& from)
        : config(from), embedding(load.matrix(load.embedding_name(), from.vocab, from.hidden)), layers(load, from) {
        norm = load.vector("backbone.norm_f.weight", config.hidden);
        // A stored head wins: configurations have claimed a tied head beside a head of its own.
        const bool tied = config.tied_head && !load.has("lm_head.weight");
        head = tied ? embedding : load.matrix("lm_head.weight", config.vocab, config.hidden);
        head_bytes = tied ? 0 : head.bytes();
        fingerprint = identify(load.fingerprint());
    }

    [[nodiscard]] index bytes() const {
        return embedding.bytes() + layers.bytes() + static_cast<index>(norm.size() * sizeof(float)) + head_bytes;
    }

    model_config config;
    typename Backend::matrix embedding;  // (vocab, hidden)
    layer_stack<Backend, pattern_of<Arch>> layers;
    typename Backend::template buffer<float> norm;  // (hidden)
    typename Backend::matrix head;                  // (vocab, hidden)
    index head_bytes = 0;                           // 0 when the head is the embedding

    /// The same for the same checkpoint read as the same model type, on every backend and in every dtype; of its tensors
    /// what `weight_loader::fingerprint` says. It tells models apart that were mixed up, not ones that were forged.
    std::uint64_t fingerprint = 0;

private:
    /// With the numbers that no tensor shows.
    [[nodiscard]] std::uint64_t identify(fnv1a tensors) const {
        tensors.update(std::as_bytes(std::span(config.model_type)));
        for (const float eps : {config.norm_eps, config.mixer_norm_eps})
            tensors.update(__builtin_bit_cast(std::uint32_t, eps));
        if (config.heads > 0) {
            tensors.update(static_cast<std::uint64_t>(config.groups));
            for (const float limit : {config.dt_limits.least, config.dt_limits.most})
                tensors.update(__builtin_bit_cast(std::uint32_t, limit));
        }
        return tensors.value();
    }
};

}  // namespace ssm
