// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
// expect: ssm: a recurrence is trivially copyable, for it travels to a GPU as an argument of a kernel: it holds views
#include <ssm/backend/cpu/cpu.hpp>

#include <vector>

struct owning {
    using scalar = float;
    std::vector<float> decay;
    ssm::affine<float> transition(ssm::index, ssm::index, ssm::index n) const {
        return {decay[static_cast<std::size_t>(n)], 1.0F};
    }
    float readout(ssm::index, ssm::index, ssm::index) const { return 1.0F; }
    float skip(ssm::index, ssm::index) const { return 0.0F; }
};

void run(const ssm::cpu& device, ssm::matrix_view<float> h, ssm::matrix_view<float> y) {
    device.scan(ssm::sequential{}, owning{}, h, 1, y);
}
