// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/backend/cuda/cuda.cuh>

#include "conformance/backend_conformance.hpp"

namespace conformance_test {

// Cases of their own, because under a sanitizer a case is a process.
TEMPLATE_TEST_CASE("cuda conforms", "[small]", ssm::cuda_f32, ssm::cuda, ssm::cuda_f16) {
    ssm::test::check_operations(TestType{});
}

TEMPLATE_TEST_CASE("cuda conforms in a scan in chunks", "[small]", ssm::cuda_f32, ssm::cuda, ssm::cuda_f16) {
    ssm::test::check_chunked_scan(TestType{});
}

}  // namespace conformance_test
