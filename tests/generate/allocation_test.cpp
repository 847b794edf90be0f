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

template <class Model>
void check_decoding(const ssm::model_config& config) {
    const ssm::test::random_weights weights(config);
    const ssm::cpu device{{.threads = 2}};
    ssm::session sequence{ssm::load<Model>(weights, device)};
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

struct dual_arch : ssm::mamba2_arch {
    using scan = ssm::state_space_dual;
};

TEST_CASE("Decoding allocates nothing once it runs") {
    check_decoding<ssm::falcon_mamba<ssm::cpu>>(ssm::test::small_config());
    check_decoding<ssm::model<ssm::cpu, dual_arch>>(ssm::test::small_mamba2_config());
}

}  // namespace allocation_test
