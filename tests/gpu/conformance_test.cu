// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/backend/cuda/cuda.cuh>

#include "conformance/backend_conformance.hpp"

namespace conformance_test {

TEST_CASE("cuda conforms with float activations", "[small]") { ssm::test::check_backend(ssm::cuda_f32{}); }

TEST_CASE("cuda conforms with bf16 activations", "[small]") { ssm::test::check_backend(ssm::cuda{}); }

TEST_CASE("cuda conforms with f16 activations", "[small]") { ssm::test::check_backend(ssm::cuda_f16{}); }

}  // namespace conformance_test
