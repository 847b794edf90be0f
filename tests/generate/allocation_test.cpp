// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/backend/cpu/cpu.hpp>
#include <ssm/generate/sampler.hpp>
#include <ssm/generate/session.hpp>
#include <ssm/ssm.hpp>

#include <vector>

#include "generate/counting_new.hpp"
#include "support/catch.hpp"
#include "support/random_weights.hpp"
#include "support/stock_models.hpp"

namespace allocation_test {

TEST_CASE("Decoding allocates nothing once it runs") {
    const ssm::test::random_weights weights(ssm::test::small_config());
    const ssm::cpu device{{.threads = 2}};
    ssm::session sequence{ssm::load<ssm::falcon_mamba<ssm::cpu>>(weights, device)};
    ssm::sampler choose({.repetition_penalty = 1.1, .repetition_window = 8, .top_k = 20, .top_p = 0.9, .min_p = 0.01});
    sequence.prefill(std::vector<ssm::token_id>{1, 2, 3});
    (void)sequence.next(choose);
    (void)sequence.next(choose);

    const long before = ssm::test::allocations();
    for (int i = 0; i < 50; ++i) (void)sequence.next(choose);
    CHECK(ssm::test::allocations() == before);

    sequence.prefill(std::vector<ssm::token_id>{1, 2, 3, 4, 5});
    CHECK(ssm::test::allocations() > before);
}

}  // namespace allocation_test
