// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/ssm_cuda.cuh>

#include <string>

/// The same as the first unit's, from kernels and classes that both define.
const char* other_unit_finds() {
    static std::string found;
    try {
        const ssm::cuda device;
    } catch (const ssm::device_error& error) {
        found = error.what();
    }
    return found.c_str();
}
