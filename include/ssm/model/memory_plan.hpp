// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/error.hpp>
#include <ssm/core/model_config.hpp>
#include <ssm/model/weight_loader.hpp>
#include <ssm/model/weights.hpp>
#include <ssm/policy/prefill.hpp>

#include <algorithm>
#include <string>

namespace ssm {

/// What to plan for.
struct plan_options {
    dtype matrices = dtype::bf16;  ///< what the weight matrices are kept in
    index batch = 0;               ///< capacity of a `batch`; 0 for a `session`
    index rewind = 0;              ///< `session_options::rewind`
    index prompt = 4096;           ///< tokens of the longest prompt, or more text, that is read at once
};

/// Bytes of a backend's memory. Weights used where the file is mapped count as well; what a backend takes to compute with,
/// such as the inputs that `ssm::cpu` packs for a product, does not.
struct memory_plan {
    index weights = 0;
    index state = 0;    ///< of all sequences
    index logits = 0;   ///< of all sequences, a row each
    index history = 0;  ///< to go back in: a state and a trace
    index scratch = 0;  ///< of the longest chunk, and of the next tokens of a batch's other sequences
    index chunk = 0;    ///< tokens read at a time

    /// All of it, which is taken at the same time: a token more takes nothing more.
    [[nodiscard]] index peak() const noexcept { return weights + state + logits + history + scratch; }
};

/// The memory that a model of this configuration, its weights and a `session` (or a `batch`) of it will take, before any
/// of it is taken. `policy` cuts prompts; with `in_budget`, `chunk` is what it comes to.
///
/// Throws argument_error for options that make no sense or a dtype that the backend does not take, and memory_error for a
/// budget too small for one token.
template <class Model, class Policy = typename Model::arch::prefill>
[[nodiscard]] memory_plan plan(const model_config& config, const typename Model::backend& device,
                               const plan_options& options = {}, const Policy& policy = {}) {
    const auto require = [](const char* what, index value, index least) {
        if (value < least)
            throw argument_error({"plan", what, std::to_string(value), "at least " + std::to_string(least), {}});
    };
    require("batch", options.batch, 0);
    require("rewind", options.rewind, 0);
    require("prompt", options.prompt, 1);
    weight_loader<typename Model::backend> loader(device, options.matrices);
    const weights<typename Model::backend, typename Model::arch> shapes_only(loader, config);
    const auto scratch = [&](index tokens) { return Model::workspace_bytes(config, tokens); };
    const index chunk = resolved(policy, scratch).next_chunk(options.prompt);
    const index rows = std::max<index>(options.batch, 1);
    const index states = options.batch == 0 ? 1 : options.batch + 1;  // a batch keeps a blank one
    const auto state_bytes = [&](index count) { return Model::state_type::bytes_of(Model::shape(config), count); };
    index history = 0;
    if constexpr (Model::has_traces)
        if (options.rewind > 0) history = state_bytes(1) + Model::trace_bytes(config, 2 * (options.rewind + 1));
    return {.weights = loader.planned_bytes(),
            .state = state_bytes(states),
            .logits = rows * config.vocab * index{sizeof(float)},
            .history = history,
            .scratch = scratch(chunk + rows - 1),
            .chunk = chunk};
}

}  // namespace ssm
