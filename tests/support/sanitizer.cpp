// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

// Under a sanitizer the tests too want std::bad_alloc where memory cannot be had; a sanitizer's own operator new ends
// the program there. Its operator delete takes back what malloc gave, when told not to compare the two.
#include <cstdlib>
#include <new>

// A test program may bring its own.
#ifndef SSM_TEST_REPLACES_NEW
void* operator new(std::size_t size) {
    if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
    throw std::bad_alloc();
}
#endif

extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1:alloc_dealloc_mismatch=0"; }
extern "C" const char* __tsan_default_options() { return "allocator_may_return_null=1"; }
