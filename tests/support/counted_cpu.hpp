// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cpu/cpu.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace ssm::test {

/// Bytes that a `counted_cpu` has given out.
struct byte_count {
    index now = 0;
    index most = 0;
    index times = 0;  // that memory was taken

    void take(index bytes) {
        now += bytes;
        most = std::max(most, now);
        ++times;
    }
};
inline byte_count counted_bytes;

/// Counts the bytes of every buffer while it lives.
template <class T>
struct counting_allocator {
    using value_type = T;
    counting_allocator() = default;
    template <class U>
    counting_allocator(const counting_allocator<U>&) {}
    T* allocate(std::size_t count) {
        counted_bytes.take(static_cast<index>(count * sizeof(T)));
        return std::allocator<T>().allocate(count);
    }
    void deallocate(T* memory, std::size_t count) {
        counted_bytes.now -= static_cast<index>(count * sizeof(T));
        std::allocator<T>().deallocate(memory, count);
    }
    friend bool operator==(const counting_allocator&, const counting_allocator&) { return true; }
};

/// The CPU backend with the sum of what its buffers and matrices take. Matrices count as often as they are made: no test
/// loads two models. To a session it looks like a device whose memory the host cannot read.
struct counted_cpu : cpu {
    using cpu::cpu;
    template <class T>
    using buffer = std::vector<T, counting_allocator<T>>;

    template <class T>
    buffer<T> allocate(index count, const char*) const {
        return buffer<T>(static_cast<std::size_t>(count));
    }
    template <class T>
    buffer<T> upload(std::span<const float> values) const {
        return buffer<T>(values.begin(), values.end());
    }
    matrix upload_matrix(const stored_tensor& tensor, dtype type) const {
        matrix made = cpu::upload_matrix(tensor, type);
        counted_bytes.take(made.bytes());
        return made;
    }
};

}  // namespace ssm::test

template <class Policy>
struct ssm::scan_kernel<Policy, ssm::test::counted_cpu> : ssm::scan_kernel<Policy, ssm::cpu> {};
