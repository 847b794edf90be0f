// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/dtype.hpp>
#include <ssm/core/limits.hpp>

#include <string>

namespace ssm {

/// Sizes and numbers of a model, as its checkpoint states them. Behaviour (which norm, which recurrence) is the arch's.
/// Field names follow the paper; the Hugging Face names are in brackets.
struct model_config {
    index hidden = 0;   ///< width of the residual stream [hidden_size]
    index inner = 0;    ///< channels inside the mixer [intermediate_size]
    index state = 0;    ///< N, states per channel [state_size]
    index conv = 0;     ///< K, taps of the causal convolution [conv_kernel]
    index dt_rank = 0;  ///< R, width of the low-rank dt projection [time_step_rank]
    index layers = 0;   ///< [num_hidden_layers]
    index vocab = 0;    ///< rows of the embedding [vocab_size]

    float norm_eps = 1e-5F;        ///< of the norm before each mixer and the last one [layer_norm_epsilon]
    float mixer_norm_eps = 1e-6F;  ///< of the norms on dt, B and C [mixer_rms_eps]

    bool projection_bias = false;  ///< in_proj and out_proj carry a bias [use_bias]
    bool conv_bias = true;         ///< the convolution carries a bias [use_conv_bias]
    bool tied_head = false;        ///< lm_head is the embedding [tie_word_embeddings]

    index heads = 0;        ///< of Mamba-2: channels are divided among them, evenly [num_heads]
    index groups = 0;       ///< of Mamba-2: each has its own B and C for heads / groups heads [n_groups]
    limits dt_limits = {};  ///< of Mamba-2: dt is held to these, after softplus [time_step_limit]

    std::string model_type;  ///< the checkpoint's word for its behaviour, such as "falcon_mamba" [model_type]
    std::string source;      ///< file the fields came from, for messages

    friend bool operator==(const model_config&, const model_config&) = default;
};

/// Index of a vocabulary entry; the width GPU kernels and samplers share.
using token_id = std::int32_t;

}  // namespace ssm
