// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cuda/context.cuh>
#include <ssm/core/dtype.hpp>
#include <ssm/core/tensor.hpp>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <mutex>

namespace ssm::cuda_kernels {

/// The way of a checkpoint's bytes to the device: two pinned blocks in turn, one filled while the other is on its way.
/// That is all the host memory a load takes, whatever the model's size.
class staging {
public:
    static constexpr index block_bytes = index{16} << 20;

    staging() = default;
    staging(const staging&) = delete;
    staging& operator=(const staging&) = delete;
    ~staging() { release(); }

    /// The rows of `tensor` in `type`, at `to` on the device, `stride` elements apart.
    void copy_rows(const context& on, const stored_tensor& tensor, dtype type, std::byte* to, index stride) {
        const index rows = tensor.shape[0];
        const index columns = tensor.shape[1];
        if (rows == 0 || columns == 0) return;
        const std::lock_guard lock(mutex_);
        const index row_bytes = columns * size_of(type);
        reserve(std::max(block_bytes, row_bytes));
        const index rows_a_block = size_ / row_bytes;
        for (index row = 0; row < rows; row += rows_a_block) {
            const index count = std::min(rows_a_block, rows - row);
            block& current = blocks_[next_];
            next_ = 1 - next_;
            check(cudaEventSynchronize(current.sent), "cudaEventSynchronize");
            convert(tensor, row * columns, count * columns, type, current.memory);
            check(cudaMemcpy2DAsync(to + row * stride * size_of(type), static_cast<std::size_t>(stride * size_of(type)),
                                    current.memory, static_cast<std::size_t>(row_bytes),
                                    static_cast<std::size_t>(row_bytes), static_cast<std::size_t>(count),
                                    cudaMemcpyHostToDevice, on.stream),
                  "cudaMemcpy2DAsync");
            check(cudaEventRecord(current.sent, on.stream), "cudaEventRecord");
        }
    }

    /// Waits for what is on its way and gives the pinned memory back.
    void release() noexcept {
        for (block& b : blocks_) {
            if (b.sent != nullptr) {
                (void)cudaEventSynchronize(b.sent);
                (void)cudaEventDestroy(b.sent);
            }
            if (b.memory != nullptr) (void)cudaFreeHost(b.memory);
            b = {};
        }
        size_ = 0;
    }

private:
    struct block {
        std::byte* memory = nullptr;
        cudaEvent_t sent = nullptr;
    };

    void reserve(index bytes) {
        if (size_ >= bytes) return;
        release();
        for (block& b : blocks_) {
            check(cudaMallocHost(&b.memory, static_cast<std::size_t>(bytes)), "cudaMallocHost");
            check(cudaEventCreateWithFlags(&b.sent, cudaEventDisableTiming), "cudaEventCreate");
        }
        size_ = bytes;
    }

    /// `count` elements of the tensor from `first` on, rounded to `type`.
    static void convert(const stored_tensor& tensor, index first, index count, dtype type, std::byte* to) {
        const std::byte* const from = tensor.bytes.data() + first * size_of(tensor.type);
        if (tensor.type == type) {
            std::memcpy(to, from, static_cast<std::size_t>(count * size_of(type)));
            return;
        }
        with_storage_type(tensor.type, [&]<class From>(type_tag<From>) {
            with_storage_type(type, [&]<class To>(type_tag<To>) {
                for (index i = 0; i < count; ++i) {
                    From element;
                    std::memcpy(&element, from + i * index{sizeof(From)}, sizeof(From));
                    const To rounded(static_cast<float>(element));
                    std::memcpy(to + i * index{sizeof(To)}, &rounded, sizeof(To));
                }
            });
        });
    }

    std::mutex mutex_;
    block blocks_[2];
    int next_ = 0;
    index size_ = 0;
};

}  // namespace ssm::cuda_kernels
