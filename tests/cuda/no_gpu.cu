// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/ssm_cuda.cuh>

#include <cstdio>
#include <string>

const char* other_unit_finds();

namespace {

/// What making a device object says where no GPU can be seen; nothing if it says nothing.
std::string refusal() {
    try {
        const ssm::cuda device;
        return {};
    } catch (const ssm::device_error& error) {
        return error.what();
    }
}

}  // namespace

int main() {
    const std::string found = refusal();
    std::printf("%s\n%s\n", found.c_str(), other_unit_finds());
    const bool right = found.find("cudaGetDeviceCount") != std::string::npos;
    return right && found == other_unit_finds() ? 0 : 1;
}
