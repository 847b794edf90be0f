// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/policy/prefill.hpp>

#include <vector>

#include "support/catch.hpp"

namespace {

/// The chunks that a policy cuts a prompt into.
template <ssm::prefill_policy Policy>
std::vector<ssm::index> chunks(const Policy& policy, ssm::index tokens) {
    std::vector<ssm::index> lengths;
    while (tokens > 0) {
        const ssm::index next = policy.next_chunk(tokens);
        REQUIRE(next >= 1);
        REQUIRE(next <= tokens);
        lengths.push_back(next);
        tokens -= next;
    }
    return lengths;
}

using lengths = std::vector<ssm::index>;

}  // namespace

TEST_CASE("whole_prompt is one chunk") {
    CHECK(chunks(ssm::whole_prompt{}, 1) == lengths{1});
    CHECK(chunks(ssm::whole_prompt{}, 130'000) == lengths{130'000});
}

TEST_CASE("in_chunks cuts full chunks and a rest") {
    CHECK(chunks(ssm::in_chunks{4}, 3) == lengths{3});
    CHECK(chunks(ssm::in_chunks{4}, 4) == lengths{4});
    CHECK(chunks(ssm::in_chunks{4}, 10) == lengths{4, 4, 2});
    CHECK(chunks(ssm::in_chunks{1}, 3) == lengths{1, 1, 1});
    CHECK(chunks(ssm::in_chunks{}, 1000) == lengths{512, 488});
}

TEST_CASE("token_by_token is chunks of one") { CHECK(chunks(ssm::token_by_token{}, 3) == lengths{1, 1, 1}); }
