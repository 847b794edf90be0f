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

TEST_CASE(
    "A scan in its dual form allocates nothing on the threads of the pool, where nobody could be told of a failure") {
    constexpr ssm::index tokens = 100, channels = 16, heads = 4, states = 32;  // work for all threads
    const std::vector<float> ones(tokens * states, 0.5F);
    const auto matrix = [&](ssm::index columns) { return ssm::matrix_view<const float>(ones.data(), tokens, columns); };
    const ssm::vector_view<const float> per_head(ones.data(), heads);
    const ssm::multihead_selective<float> r{per_head,       per_head, matrix(heads), matrix(channels), matrix(states),
                                            matrix(states), 1};
    std::vector<float> h(states * channels), y(tokens * channels);
    const auto allocations_of_a_scan = [&](int threads) {
        const ssm::cpu device{{.threads = threads}};
        long before = 0;
        for (int run = 0; run < 2; ++run) {  // the first may enlarge the scratch
            before = ssm::test::allocations();
            device.scan(ssm::state_space_dual{32}, r, ssm::matrix_view<float>(h.data(), states, channels), 1,
                        ssm::matrix_view<float>(y.data(), tokens, channels));
        }
        return ssm::test::allocations() - before;
    };
    CHECK(allocations_of_a_scan(3) == allocations_of_a_scan(1));
}

}  // namespace allocation_test
