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
        const index parts = parts_of(count, grains, cost);
        run(parts, [&](index part) {
            const index begin = grains * part / parts * grain;
            const index end = std::min(count, grains * (part + 1) / parts * grain);
            if (begin < end) body(begin, end);
        });
    }

    /// The same for items whose time is worth an atomic increment: `body(part, begin, end)` is called several times for a part,
    /// and parts run at the same time, at most `size()`. Three quarters of the items are dealt out beforehand, neighbours
    /// to one thread so that it reads memory in one stream, and the last one goes to whichever thread comes, `at_once` items at most: on a shared machine one
    /// of the threads is often behind.
    template <class Body>
    void for_each_share(index count, index at_once, index cost, const Body& body) {
        if (count <= 0) return;
        const index parts = parts_of(count, count, cost);
        if (parts == 1) return body(index{0}, index{0}, count);
        const index dealt = count * 3 / 4 / parts;
        const index left = count - dealt * parts;
        const index step = std::clamp<index>(left / (4 * parts), 1, at_once);
        std::atomic<index> next{dealt * parts};
        run(parts, [&](index part) {
            if (dealt > 0) body(part, part * dealt, (part + 1) * dealt);
            for (index begin; (begin = next.fetch_add(step, std::memory_order_relaxed)) < count;)
                body(part, begin, std::min(count, begin + step));
        });
    }

private:
    struct job {
        void (*call)(const void* context, index part) = nullptr;
        const void* context = nullptr;
        index parts = 0;
    };

    // A few microseconds of work, about what it takes to hand it over.
    static constexpr index least_operations = 32768;

    [[nodiscard]] index parts_of(index count, index grains, index cost) const noexcept {
        const index worthwhile = std::max<index>(1, count * std::max<index>(1, cost) / least_operations);
        return std::min({static_cast<index>(size()), grains, worthwhile});
    }

    /// Calls `run_part(part)` for every part below `parts`, each on a thread of its own where the workers are free.
    template <class Part>
    void run(index parts, const Part& run_part) {
        const std::unique_lock<std::mutex> turn(turn_, std::try_to_lock);
        if (parts == 1 || !turn.owns_lock()) {
            for (index part = 0; part < parts; ++part) run_part(part);
            return;
        }
        job_ = {[](const void* context, index part) { (*static_cast<const Part*>(context))(part); }, &run_part, parts};
        working_.store(static_cast<int>(workers_.size()), std::memory_order_relaxed);
        epoch_.fetch_add(1, std::memory_order_release);
        epoch_.notify_all();
        run_part(0);
        await(working_, [](int left) { return left == 0; });
    }

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
