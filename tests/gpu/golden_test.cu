// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/backend/cuda/cuda.cuh>

#include "golden/golden_checks.hpp"

namespace golden_test {

TEST_CASE("Checkpoints give what transformers computes, in float", "[small]") {
    ssm::test::check_goldens(ssm::cuda_f32{}, {.logits = 5e-5, .states = 5e-5, .decided_margin = 1e-3F});
}

// Activations of 8 bits round at 2^-9 each, a dozen times a layer. The small models here are random, so that nothing
// averages out.
TEST_CASE("Checkpoints give what transformers computes, within the rounding of bf16", "[small]") {
    ssm::test::check_goldens(ssm::cuda{}, {.logits = 4e-2, .states = 4e-2, .decided_margin = 0.5F});
}

TEST_CASE("Checkpoints give what transformers computes, within the rounding of f16", "[small]") {
    ssm::test::check_goldens(ssm::cuda_f16{}, {.logits = 5e-3, .states = 5e-3, .decided_margin = 0.1F});
}

}  // namespace golden_test
