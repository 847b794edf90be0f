// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/backend/cpu/cpu.hpp>

#include "golden/golden_checks.hpp"
#include "support/stock_models.hpp"

namespace golden_test {

// The two implementations differ by rounding alone, seen at 2e-6 of the largest logit, and a misread field by more than
// 1e-3, which make.py asserts.
TEST_CASE("Checkpoints give what transformers computes") {
    ssm::test::check_goldens(ssm::cpu{{.threads = 2}},
                             {.logits = 2e-5, .states = 2e-5, .large_dt_logits = 2e-5, .decided_margin = 1e-3F});
}

}  // namespace golden_test
