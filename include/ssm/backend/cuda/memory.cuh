// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cuda/status.cuh>
#include <ssm/core/dtype.hpp>

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <mutex>
#include <new>

namespace ssm {

/// Device memory from the CUDA runtime. A `std::pmr::memory_resource` whose memory only the device may touch; derive
/// another to take the backend's memory from a pool of the application. Throws std::bad_alloc when there is no more, and
/// device_error for anything else, such as a capture in progress.
class cuda_heap final : public std::pmr::memory_resource {
    void* do_allocate(std::size_t bytes, std::size_t /*alignment: 256 or better*/) override {
        void* memory = nullptr;
        const cudaError_t status = cudaMalloc(&memory, bytes);
        if (status == cudaErrorMemoryAllocation) {
            (void)cudaGetLastError();
            throw std::bad_alloc();
        }
        cuda_kernels::check(status, "cudaMalloc");
        return memory;
    }
    void do_deallocate(void* memory, std::size_t, std::size_t) override { (void)cudaFree(memory); }
    [[nodiscard]] bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
        return dynamic_cast<const cuda_heap*>(&other) != nullptr;
    }
};

/// Device memory cut from one block that the caller owns, front to back. What is given back is free again only when the
/// arena itself goes. Throws std::bad_alloc when the block is used up.
class cuda_arena final : public std::pmr::memory_resource {
public:
    cuda_arena(void* block, std::size_t bytes) : block_(static_cast<std::byte*>(block)), bytes_(bytes) {}

    [[nodiscard]] std::size_t used() const noexcept { return used_; }

private:
    void* do_allocate(std::size_t bytes, std::size_t alignment) override {
        const std::lock_guard lock(mutex_);
        const auto address = reinterpret_cast<std::uintptr_t>(block_) + used_;
        const std::size_t start = used_ + (alignment - address % alignment) % alignment;
        if (start > bytes_ || bytes > bytes_ - start) throw std::bad_alloc();
        used_ = start + bytes;
        return block_ + start;
    }
    void do_deallocate(void*, std::size_t, std::size_t) override {}
    [[nodiscard]] bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
        return this == &other;
    }

    std::mutex mutex_;
    std::byte* block_;
    std::size_t bytes_;
    std::size_t used_ = 0;
};

}  // namespace ssm
