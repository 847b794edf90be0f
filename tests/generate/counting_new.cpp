// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include "generate/counting_new.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

// In a file of their own: g++ warns of a mismatch where it inlines one of a pair and not the other.
namespace {
std::atomic<long> count{0};
}

long ssm::test::allocations() { return count; }

void* operator new(std::size_t size) {
    ++count;
    if (void* const memory = std::malloc(size)) return memory;
    throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
