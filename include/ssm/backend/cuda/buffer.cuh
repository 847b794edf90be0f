// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cuda/context.cuh>
#include <ssm/core/dtype.hpp>

#include <cstddef>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace ssm {

/// Device memory as a value. Copies are enqueued on the stream of the device object it was made by, which must outlive
/// it; equality is that of the bytes, for which it waits.
template <class T>
class cuda_buffer {
    static_assert(std::is_trivially_copyable_v<T>);

public:
    cuda_buffer() = default;

    /// `count` zeros. Throws memory_error naming `purpose` and the bytes when there is no room.
    cuda_buffer(const cuda_kernels::context& on, index count, const char* purpose) : on_(&on) {
        take(count, purpose);
        if (size_ > 0) cuda_kernels::check(cudaMemsetAsync(data_, 0, bytes(), on_->stream), "cudaMemsetAsync");
    }

    cuda_buffer(const cuda_buffer& other) : on_(other.on_) {
        take(static_cast<index>(other.size_), "copy");
        copy_from(other);
    }
    cuda_buffer(cuda_buffer&& other) noexcept { swap(other); }
    cuda_buffer& operator=(const cuda_buffer& other) {
        if (this == &other) return *this;
        if (size_ == other.size_ && on_ == other.on_)
            copy_from(other);
        else
            *this = cuda_buffer(other);
        return *this;
    }
    cuda_buffer& operator=(cuda_buffer&& other) noexcept {
        cuda_buffer taken(std::move(other));
        swap(taken);
        return *this;
    }
    ~cuda_buffer() {
        if (data_ != nullptr) on_->memory->deallocate(data_, bytes(), alignment);
    }

    [[nodiscard]] T* data() noexcept { return data_; }
    [[nodiscard]] const T* data() const noexcept { return data_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] std::size_t bytes() const noexcept { return size_ * sizeof(T); }

    /// A copy on the host, once all work enqueued before has ended.
    [[nodiscard]] std::vector<T> to_host() const {
        std::vector<T> values(size_);
        if (size_ == 0) return values;
        cuda_kernels::check(cudaMemcpyAsync(values.data(), data_, bytes(), cudaMemcpyDeviceToHost, on_->stream),
                            "cudaMemcpyAsync");
        cuda_kernels::check(cudaStreamSynchronize(on_->stream), "cudaStreamSynchronize");
        return values;
    }

    friend bool operator==(const cuda_buffer& a, const cuda_buffer& b) {
        return a.size_ == b.size_ && a.to_host() == b.to_host();
    }

private:
    static constexpr std::size_t alignment = 256;

    void take(index count, const char* purpose) {
        const auto elements = static_cast<std::size_t>(count);
        const auto refuse = [&](const char* why) {
            return memory_error(
                {purpose, {}, std::to_string(count) + " elements of " + std::to_string(sizeof(T)) + " bytes", {}, why});
        };
        if (count < 0 || elements > static_cast<std::size_t>(std::numeric_limits<index>::max()) / sizeof(T))
            throw refuse("the size overflows");
        if (count == 0) return;
        on_->require_current();
        try {
            data_ = static_cast<T*>(on_->memory->allocate(elements * sizeof(T), alignment));
        } catch (const std::bad_alloc&) {
            throw refuse("out of device memory; a smaller prefill chunk, model or dtype needs less");
        }
        size_ = elements;
    }
    void copy_from(const cuda_buffer& other) {
        if (size_ == 0) return;
        cuda_kernels::check(cudaMemcpyAsync(data_, other.data_, bytes(), cudaMemcpyDeviceToDevice, on_->stream),
                            "cudaMemcpyAsync");
    }
    void swap(cuda_buffer& other) noexcept {
        std::swap(on_, other.on_);
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
    }

    const cuda_kernels::context* on_ = nullptr;
    T* data_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace ssm
