// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/generate/token_history.hpp>

#include <deque>
#include <map>
#include <random>

#include "support/catch.hpp"

namespace token_history_test {

namespace {

using counts = std::map<ssm::token_id, ssm::index>;

counts counts_of(const ssm::token_history& history) {
    counts result;
    for (const auto& entry : history.entries()) result[entry.id] = entry.count;
    return result;
}

}  // namespace

TEST_CASE("A history counts the tokens of its window") {
    for (const ssm::index window : {0, 1, 2, 7, 64}) {
        CAPTURE(window);
        ssm::token_history history(window);
        std::deque<ssm::token_id> text;
        std::mt19937 random(5);
        for (int step = 0; step < 300; ++step) {
            const auto id = static_cast<ssm::token_id>(random() % 11);
            history.push(id);
            text.push_back(id);
            if (window != 0 && static_cast<ssm::index>(text.size()) > window) text.pop_front();
            counts expected;
            for (const auto token : text) ++expected[token];
            REQUIRE(counts_of(history) == expected);
        }
    }
}

}  // namespace token_history_test
