// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/backend/cpu/thread_pool.hpp>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "support/catch.hpp"

namespace thread_pool_test {

TEST_CASE("Ranges cover every item once and start at multiples of the grain") {
    for (const int threads : {1, 2, 5}) {
        ssm::thread_pool pool(threads);
        for (const ssm::index count : {0, 1, 15, 16, 17, 1000})
            for (const ssm::index grain : {1, 16}) {
                CAPTURE(threads, count, grain);
                std::vector<std::atomic<int>> visits(static_cast<std::size_t>(count));
                std::atomic<bool> aligned = true;
                pool.for_each_range(count, grain, 1 << 20, [&](ssm::index begin, ssm::index end) {
                    if (begin % grain != 0 || (end != count && end % grain != 0)) aligned = false;
                    for (ssm::index i = begin; i < end; ++i) ++visits[static_cast<std::size_t>(i)];
                });
                CHECK(aligned);
                for (const auto& visit : visits) REQUIRE(visit == 1);
            }
    }
}

TEST_CASE("Shares cover every item once, and no part runs twice at the same time") {
    for (const int threads : {1, 2, 5}) {
        ssm::thread_pool pool(threads);
        for (const ssm::index count : {0, 1, 2, 5, 17, 1000})
            for (const ssm::index at_once : {1, 8}) {
                CAPTURE(threads, count, at_once);
                std::vector<std::atomic<int>> visits(static_cast<std::size_t>(count));
                std::vector<std::atomic<int>> running(static_cast<std::size_t>(threads));
                std::atomic<bool> apart = true;
                pool.for_each_share(count, at_once, 1 << 20, [&](ssm::index part, ssm::index begin, ssm::index end) {
                    if (running[static_cast<std::size_t>(part)]++ != 0 || begin >= end) apart = false;
                    for (ssm::index i = begin; i < end; ++i) ++visits[static_cast<std::size_t>(i)];
                    --running[static_cast<std::size_t>(part)];
                });
                CHECK(apart);
                for (const auto& visit : visits) REQUIRE(visit == 1);
            }
    }
}

TEST_CASE("A thread that is behind leaves its last items to others") {
    ssm::thread_pool pool(2);
    std::atomic<ssm::index> of_other = 0;
    const auto caller = std::this_thread::get_id();
    const auto latest = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    pool.for_each_share(100, 8, 1 << 20, [&](ssm::index, ssm::index begin, ssm::index end) {
        if (std::this_thread::get_id() != caller)
            of_other += end - begin;
        else
            while (of_other < 60 && std::chrono::steady_clock::now() < latest) std::this_thread::yield();
    });
    CHECK(of_other >= 60);  // and not half
}

TEST_CASE("Little work is not split") {
    ssm::thread_pool pool(4);
    std::atomic<int> calls = 0;
    pool.for_each_range(100, 1, 10, [&](ssm::index, ssm::index) { ++calls; });
    pool.for_each_share(100, 8, 10, [&](ssm::index, ssm::index, ssm::index) { ++calls; });
    CHECK(calls == 2);
}

TEST_CASE("Several threads share one pool") {
    ssm::thread_pool pool(2);
    std::atomic<ssm::index> sum = 0;
    {
        std::vector<std::jthread> callers;
        for (int caller = 0; caller < 4; ++caller)
            callers.emplace_back([&] {
                for (int round = 0; round < 200; ++round)
                    pool.for_each_range(10, 1, 1 << 20, [&](ssm::index begin, ssm::index end) { sum += end - begin; });
            });
    }
    CHECK(sum == 4 * 200 * 10);
}

TEST_CASE("A pool sleeps and wakes") {
    ssm::thread_pool pool(3);
    std::atomic<int> calls = 0;
    for (int round = 0; round < 3; ++round) {
        pool.for_each_range(3, 1, 1 << 20, [&](ssm::index, ssm::index) { ++calls; });
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    CHECK(calls == 9);
}

TEST_CASE("A bad number of threads is refused") {
    CHECK_THROWS_AS(ssm::thread_pool(0), ssm::argument_error);
    CHECK_THROWS_AS(ssm::thread_pool(-1), ssm::argument_error);
    CHECK_THROWS_WITH(ssm::thread_pool(1025), Catch::Contains("threads: found 1025, expected 1 to 1024"));
}

}  // namespace thread_pool_test
