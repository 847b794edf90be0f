// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/backend/cuda/cuda.cuh>

#include "golden/golden_checks.hpp"

namespace golden_test {

namespace {

constexpr ssm::test::golden_bounds in_float{
    .logits = 5e-5, .states = 5e-5, .large_dt_logits = 5e-5, .decided_margin = 1e-3F};
// Activations of 8 bits round at 2^-9 each, a dozen times a layer. The small models here are random, so that nothing
// averages out. Where dt is 30, so that it moves by tenths with its input's rounding, the bound is twice the worst measured;
// transformers in bf16 errs by 0.44 there, and in f16 by 0.14.
constexpr ssm::test::golden_bounds in_bf16{
    .logits = 4e-2, .states = 4e-2, .large_dt_logits = 0.12, .decided_margin = 0.5F};
constexpr ssm::test::golden_bounds in_f16{
    .logits = 5e-3, .states = 5e-3, .large_dt_logits = 0.04, .decided_margin = 0.1F};

}  // namespace

// [long]: after a minute racecheck was at the fourth of 64 checkpoints.
TEST_CASE("Checkpoints give what transformers computes, in float", "[small][long]") {
    ssm::test::check_goldens(ssm::cuda_f32{}, in_float);
}

TEST_CASE("Checkpoints give what transformers computes, within the rounding of bf16", "[small][long]") {
    ssm::test::check_goldens(ssm::cuda{}, in_bf16);
}

TEST_CASE("Checkpoints give what transformers computes, within the rounding of f16", "[small][long]") {
    ssm::test::check_goldens(ssm::cuda_f16{}, in_f16);
}

TEST_CASE("Plain checkpoints give what transformers computes, in float", "[small]") {
    ssm::test::check_goldens(ssm::cuda_f32{}, in_float, "-plain");
}

TEST_CASE("Plain checkpoints give what transformers computes, within the rounding of bf16", "[small]") {
    ssm::test::check_goldens(ssm::cuda{}, in_bf16, "-plain");
}

TEST_CASE("Plain checkpoints give what transformers computes, within the rounding of f16", "[small]") {
    ssm::test::check_goldens(ssm::cuda_f16{}, in_f16, "-plain");
}

}  // namespace golden_test
