// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/ssm_cuda.cuh>

#include <cstdio>

// The device object that a program begins with, or why there is none.
int main() {
    try {
        const ssm::cuda device;
        std::printf("a GPU, and a stream on it: %p\n", static_cast<void*>(device.stream()));
    } catch (const ssm::device_error& error) {
        std::printf("%s\n", error.what());
    }
    return 0;
}
