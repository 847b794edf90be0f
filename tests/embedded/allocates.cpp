// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

// What check.cmake must find out: a function that takes memory from the heap.
extern "C" int* taken() { return new int[1000]; }
