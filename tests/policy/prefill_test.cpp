// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/policy/prefill.hpp>

#include <vector>

#include "support/catch.hpp"

namespace prefill_test {

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

TEST_CASE("in_budget takes the longest chunk that fits") {
    for (const ssm::index longest : {1, 2, 3, 4, 5, 63, 64, 65, 1000, 123'456}) {
        const auto scratch = [](ssm::index tokens) { return 512 + 12 * tokens; };
        CHECK(ssm::in_budget{scratch(longest)}.resolve(scratch).length == longest);
        CHECK(ssm::in_budget{scratch(longest + 1) - 1}.resolve(scratch).length == longest);
    }
    // In steps, as a workspace grows by whole lines.
    const auto steps = [](ssm::index tokens) { return (tokens + 9) / 10 * 512; };
    CHECK(ssm::in_budget{1024}.resolve(steps).length == 20);
    CHECK_THROWS_AS(ssm::in_budget{511}.resolve(steps), ssm::memory_error);
    CHECK_THROWS_WITH(ssm::in_budget{511}.resolve(steps),
                      Catch::Contains("in_budget: bytes: found 511, expected at least 512 for one token"));
    CHECK(chunks(ssm::resolved(ssm::in_budget{1024}, steps), 50) == lengths{20, 20, 10});
    CHECK(chunks(ssm::resolved(ssm::in_chunks{30}, steps), 50) == lengths{30, 20});
}

}  // namespace prefill_test
