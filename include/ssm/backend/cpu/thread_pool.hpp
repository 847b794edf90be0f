// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/dtype.hpp>
#include <ssm/core/error.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace ssm {

/// A fixed number of threads that share loops over independent items. The calling thread is one of them, so a pool of
/// one thread starts none. Nothing is process-wide: a pool's threads live and end with it.
///
/// Several threads may call at once. The first to arrive gets the workers; the others do their loop alone, with the
/// same result, because an item never depends on which thread runs it.
class thread_pool {
public:
    /// Throws argument_error unless 1 <= threads <= 1024, or when the system refuses a thread.
    explicit thread_pool(int threads) {
        if (threads < 1 || threads > 1024)
            throw argument_error({"thread_pool", "threads", std::to_string(threads), "1 to 1024", {}});
        try {
            for (int worker = 1; worker < threads; ++worker) workers_.emplace_back([this, worker] { serve(worker); });
        } catch (const std::system_error& refused) {
            stop();
            throw argument_error({"thread_pool",
                                  "threads",
                                  std::to_string(threads),
                                  {},
                                  std::string("the system refused a thread: ") + refused.what()});
        }
    }
    ~thread_pool() { stop(); }
    thread_pool(const thread_pool&) = delete;
    thread_pool& operator=(const thread_pool&) = delete;

    [[nodiscard]] int size() const noexcept { return static_cast<int>(workers_.size()) + 1; }

    /// Calls `body(begin, end)` on ranges that cover [0, count) once; every range but the last starts and ends at a
    /// multiple of `grain`. An item takes about `cost` arithmetic operations: a range too small to be worth waking a
    /// thread for is not split. `body` must not throw.
    template <class Body>
    void for_each_range(index count, index grain, index cost, const Body& body) {
        if (count <= 0) return;
        const index grains = (count + grain - 1) / grain;
        const index worthwhile = std::max<index>(1, count * std::max<index>(1, cost) / least_operations);
        const index parts = std::min({static_cast<index>(size()), grains, worthwhile});
        const auto run_part = [&](index part) {
            const index begin = grains * part / parts * grain;
            const index end = std::min(count, grains * (part + 1) / parts * grain);
            if (begin < end) body(begin, end);
        };
        const std::unique_lock<std::mutex> turn(turn_, std::try_to_lock);
        if (parts == 1 || !turn.owns_lock()) {
            for (index part = 0; part < parts; ++part) run_part(part);
            return;
        }
        job_ = {[](const void* context, index part) { (*static_cast<const decltype(run_part)*>(context))(part); },
                &run_part, parts};
        working_.store(static_cast<int>(workers_.size()), std::memory_order_relaxed);
        epoch_.fetch_add(1, std::memory_order_release);
        epoch_.notify_all();
        run_part(0);
        await(working_, [](int left) { return left == 0; });
    }

private:
    struct job {
        void (*call)(const void* context, index part) = nullptr;
        const void* context = nullptr;
        index parts = 0;
    };

    // A few microseconds of work, about what it takes to hand it over.
    static constexpr index least_operations = 32768;

    // About a millisecond: waking a sleeping thread takes a tenth of that on a virtual machine, longer than most operations
    // of a token, so a thread that sleeps between two of them makes the other side sleep as well.
    static constexpr int spins_before_sleep = 50'000;
    static constexpr int spins_before_yield = 256;

    static void pause() noexcept {
#if defined(__x86_64__)
        _mm_pause();
#endif
    }

    template <class T, class Done>
    static T await(std::atomic<T>& value, Done done) noexcept {
        T seen = value.load(std::memory_order_acquire);
        for (int spin = 1; spin < spins_before_sleep && !done(seen); ++spin) {
            // On a crowded machine the thread waited for may need this very core.
            if (spin % spins_before_yield == 0)
                std::this_thread::yield();
            else
                pause();
            seen = value.load(std::memory_order_acquire);
        }
        while (!done(seen)) {
            value.wait(seen, std::memory_order_acquire);
            seen = value.load(std::memory_order_acquire);
        }
        return seen;
    }

    void serve(int worker) noexcept {
        for (std::uint32_t epoch = 0;;) {
            epoch = await(epoch_, [epoch](std::uint32_t now) { return now != epoch; });
            if (stopping_.load(std::memory_order_relaxed)) return;
            if (worker < job_.parts) job_.call(job_.context, worker);
            if (working_.fetch_sub(1, std::memory_order_acq_rel) == 1) working_.notify_one();
        }
    }

    void stop() noexcept {
        stopping_.store(true, std::memory_order_relaxed);
        epoch_.fetch_add(1, std::memory_order_release);
        epoch_.notify_all();
        for (std::thread& worker : workers_) worker.join();
    }

    std::mutex turn_;
    job job_;
    std::atomic<std::uint32_t> epoch_{0};
    std::atomic<int> working_{0};
    std::atomic<bool> stopping_{false};
    std::vector<std::thread> workers_;  // last: the threads use the members above
};

}  // namespace ssm
