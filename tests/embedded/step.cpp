// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

// What a program without a heap links: a model of a fixed size behind a C function, its memory in static storage.
#include <ssm/model/static_model.hpp>

#include <span>

namespace {

using tiny =
    ssm::static_model<ssm::model_sizes{
                          .hidden = 32, .inner = 64, .state = 8, .conv = 4, .dt_rank = 2, .layers = 2, .vocab = 64},
                      ssm::unit_rms>;

tiny::state memory;
tiny::workspace<1> scratch;

}  // namespace

/// The weights, which the image holds elsewhere.
extern "C" const tiny::weights tiny_weights;

/// Reads a token and returns the likeliest one after it, or -1.
extern "C" int next_token(int id) {
    const tiny model(tiny_weights);
    float logits[tiny::sizes.vocab];
    const ssm::token_id ids[] = {id};
    if (model.forward(ids, memory, scratch, ssm::view<float, tiny::sizes.vocab>(logits, tiny::sizes.vocab)) !=
        ssm::static_status::done)
        return -1;
    int best = 0;
    for (int i = 1; i < tiny::sizes.vocab; ++i)
        if (logits[i] > logits[best]) best = i;
    return best;
}
