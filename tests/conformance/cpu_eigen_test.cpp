// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/backend/cpu/cpu.hpp>
#include <ssm/backend/cpu/eigen_gemm.hpp>

#include "conformance/backend_conformance.hpp"

namespace cpu_eigen_test {

static_assert(ssm::backend<ssm::basic_cpu<ssm::eigen_gemm>>);

TEST_CASE("cpu with Eigen's matrix product conforms") {
    ssm::test::check_backend(ssm::basic_cpu<ssm::eigen_gemm>{{.threads = 2}});
}

}  // namespace cpu_eigen_test
