// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/policy/conv_state.hpp>

#include <random>
#include <vector>

#include "support/catch.hpp"

namespace conv_state_test {

using ssm::ring_window;
using ssm::shift_window;

namespace {

/// A window of the last `width` inputs, kept as a policy says. Inputs are integers that count up from 1, so that the
/// input `age` tokens back is known: the count of all so far + 1 - age, or 0 before the first.
template <class Policy>
class window {
public:
    explicit window(ssm::index width) : rows_(static_cast<std::size_t>(width)) {}

    /// What `backend/concepts.hpp` asks of a kernel: oldest first, so that a row is read before its place is taken.
    void take(ssm::index tokens) {
        const ssm::index next = Policy::advance(cursor_, width(), tokens);
        for (ssm::index age = width(); age >= 1; --age) {
            const ssm::index kept = age > tokens ? row(age - tokens, cursor_) : seen_ + tokens + 1 - age;
            rows_[static_cast<std::size_t>(Policy::slot(age, width(), next))] = kept;
        }
        cursor_ = next;
        seen_ += tokens;
    }

    ssm::index input(ssm::index age) const { return row(age, cursor_); }
    ssm::index cursor() const { return cursor_; }

private:
    ssm::index width() const { return static_cast<ssm::index>(rows_.size()); }
    ssm::index row(ssm::index age, ssm::index cursor) const {
        return rows_[static_cast<std::size_t>(Policy::slot(age, width(), cursor))];
    }

    std::vector<ssm::index> rows_;
    ssm::index cursor_ = 0;
    ssm::index seen_ = 0;
};

}  // namespace

TEMPLATE_TEST_CASE("Every age has a row of its own, wherever the cursor is", "", shift_window, ring_window) {
    for (const ssm::index width : {1, 2, 3, 7})
        for (ssm::index tokens = 0; tokens <= 2 * width; ++tokens) {
            CAPTURE(width, tokens);
            const ssm::index cursor = TestType::advance(0, width, tokens);
            std::vector<bool> taken(static_cast<std::size_t>(width));
            for (ssm::index age = 1; age <= width; ++age) {
                const ssm::index slot = TestType::slot(age, width, cursor);
                REQUIRE(slot >= 0);
                REQUIRE(slot < width);
                CHECK_FALSE(taken[static_cast<std::size_t>(slot)]);
                taken[static_cast<std::size_t>(slot)] = true;
            }
        }
}

TEMPLATE_TEST_CASE("Advancing in two steps is advancing once", "", shift_window, ring_window) {
    for (const ssm::index width : {0, 1, 3, 7})
        for (ssm::index first = 0; first < 20; ++first)
            for (ssm::index second = 0; second < 20; ++second)
                CHECK(TestType::advance(TestType::advance(0, width, first), width, second) ==
                      TestType::advance(0, width, first + second));
}

TEMPLATE_TEST_CASE("The last inputs are found for any sequence of chunk lengths", "", shift_window, ring_window) {
    std::mt19937 generator(1);
    for (const ssm::index width : {1, 2, 3, 7})
        for (int trial = 0; trial < 20; ++trial) {
            window<TestType> kept(width);
            ssm::index seen = 0;
            for (int chunk = 0; chunk < 30; ++chunk) {
                const auto tokens = static_cast<ssm::index>(generator() % 12);
                kept.take(tokens);
                seen += tokens;
                CAPTURE(width, trial, chunk, seen);
                for (ssm::index age = 1; age <= width; ++age)
                    CHECK(kept.input(age) == (age <= seen ? seen + 1 - age : 0));
            }
        }
}

TEST_CASE("shift_window keeps the oldest row first and no cursor") {
    CHECK(shift_window::slot(3, 3, 0) == 0);
    CHECK(shift_window::slot(1, 3, 0) == 2);
    CHECK(shift_window::advance(0, 3, 100) == 0);
}

TEST_CASE("ring_window leaves a kept row where it is, and its cursor is a row") {
    for (ssm::index width = 1; width <= 5; ++width)
        for (ssm::index cursor = 0; cursor < width; ++cursor)
            for (ssm::index tokens = 0; tokens <= 2 * width; ++tokens) {
                CAPTURE(width, cursor, tokens);
                const ssm::index next = ring_window::advance(cursor, width, tokens);
                CHECK(next >= 0);
                CHECK(next < width);
                for (ssm::index age = 1; age + tokens <= width; ++age)
                    CHECK(ring_window::slot(age + tokens, width, next) == ring_window::slot(age, width, cursor));
            }
}

}  // namespace conv_state_test
