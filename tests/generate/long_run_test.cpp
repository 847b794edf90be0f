// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/backend/cpu/cpu.hpp>
#include <ssm/ssm.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

#include "generate/counting_new.hpp"
#include "support/catch.hpp"
#include "support/random_weights.hpp"
#include "support/stock_models.hpp"

namespace long_run_test {

// A sanitizer's program takes a twentieth of the way; it is the same at every token.
#ifdef SSM_SANITIZED
constexpr ssm::index length = 50'000;
#else
constexpr ssm::index length = 1'000'000;
#endif

TEST_CASE("A million tokens leave a finite state, take no memory and count right") {
    ssm::model_config config = ssm::test::small_config();
    config.hidden = 4;
    config.inner = 8;
    config.state = 4;
    config.dt_rank = 1;
    config.layers = 1;
    config.vocab = 8;
    const ssm::cpu device;
    const auto model = ssm::load<ssm::falcon_mamba<ssm::cpu>>(ssm::test::random_weights(config), device);
    ssm::session session(model, ssm::session_options{.rewind = 3});
    ssm::sampler choose({.repetition_penalty = 1.05, .repetition_window = 16, .seed = 1});
    session.prefill(std::vector<ssm::token_id>{1, 2, 3});
    for (int i = 0; i < 100; ++i) (void)session.next(choose);

    const long before = ssm::test::allocations();
    const ssm::index start = session.position();
    for (ssm::index i = 0; i < length; ++i) (void)session.next(choose);
    CHECK(ssm::test::allocations() == before);
    CHECK(session.position() == start + length);
    const auto values = session.state().values(device);
    CHECK(std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); }));

    // What was read last is as good as what was read first: going back still finds the same bits.
    const auto logits = session.logits();
    const std::vector<float> last(logits.begin(), logits.end());
    const ssm::index end = session.position();
    for (int i = 0; i < 3; ++i) (void)session.next(choose);
    session.rewind_to(end);
    CHECK(std::equal(last.begin(), last.end(), session.logits().begin()));
}

}  // namespace long_run_test
