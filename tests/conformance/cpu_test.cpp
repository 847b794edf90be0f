// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/backend/cpu/cpu.hpp>

#include "conformance/backend_conformance.hpp"

namespace cpu_test {

TEST_CASE("cpu conforms on one thread") { ssm::test::check_backend(ssm::cpu{{.threads = 1}}); }

TEST_CASE("cpu conforms on three threads") { ssm::test::check_backend(ssm::cpu{{.threads = 3}}); }

TEST_CASE("cpu conforms with every instruction set that the machine has") {
    for (const ssm::instruction_set set :
         {ssm::instruction_set::plain, ssm::instruction_set::avx2, ssm::instruction_set::avx512})
        if (ssm::machine_has(set)) {
            const ssm::cpu device{{.threads = 2, .instructions = set}};
            ssm::test::check_multiply(device);
            ssm::test::check_scan(device, ssm::sequential{});
        }
}

TEST_CASE("cpu embeds rows of quantized tables exactly") {
    for (const ssm::dtype type : {ssm::dtype::q8, ssm::dtype::q4}) ssm::test::check_embed(ssm::cpu{}, type);
}

}  // namespace cpu_test
