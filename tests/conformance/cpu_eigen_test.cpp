// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/backend/cpu/cpu.hpp>
#include <ssm/backend/cpu/eigen_gemm.hpp>

#include "conformance/backend_conformance.hpp"

namespace cpu_eigen_test {

static_assert(ssm::backend<ssm::basic_cpu<ssm::eigen_gemm>>);

// What reads matrices; the other operations are the same code with every product.
TEST_CASE("cpu with Eigen's matrix product conforms") {
    const ssm::basic_cpu<ssm::eigen_gemm> device{{.threads = 2}};
    ssm::test::check_multiply(device);
    for (const ssm::dtype type : {ssm::dtype::f32, ssm::dtype::bf16, ssm::dtype::f16})
        ssm::test::check_embed(device, type);
}

}  // namespace cpu_eigen_test
