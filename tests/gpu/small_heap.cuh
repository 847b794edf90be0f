// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/ssm_cuda.cuh>

#include <cstddef>
#include <memory_resource>
#include <new>

namespace ssm::test {

/// Device memory that ends after a number of bytes, and knows what has not come back.
class small_heap final : public std::pmr::memory_resource {
public:
    explicit small_heap(std::size_t bytes) : left_(bytes) {}
    std::size_t outstanding() const { return outstanding_; }
    void set_left(std::size_t bytes) { left_ = bytes; }

private:
    void* do_allocate(std::size_t bytes, std::size_t alignment) override {
        if (bytes > left_) throw std::bad_alloc();
        void* const memory = heap_.allocate(bytes, alignment);
        left_ -= bytes;
        outstanding_ += bytes;
        return memory;
    }
    void do_deallocate(void* memory, std::size_t bytes, std::size_t alignment) override {
        heap_.deallocate(memory, bytes, alignment);
        left_ += bytes;
        outstanding_ -= bytes;
    }
    bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }

    ssm::cuda_heap heap_;
    std::size_t left_;
    std::size_t outstanding_ = 0;
};

}  // namespace ssm::test
