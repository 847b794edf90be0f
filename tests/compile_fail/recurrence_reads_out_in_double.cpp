// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
// expect: ssm: a recurrence has readout(t, ch, n) const, a scalar
#include <ssm/backend/cpu/cpu.hpp>

struct widening {
    using scalar = float;
    ssm::affine<float> transition(ssm::index, ssm::index, ssm::index) const { return {0.5F, 1.0F}; }
    double readout(ssm::index, ssm::index, ssm::index) const { return 1.0; }
    float skip(ssm::index, ssm::index) const { return 0.0F; }
};

void run(const ssm::cpu& device, ssm::matrix_view<float> h, ssm::matrix_view<float> y) {
    device.scan(ssm::sequential{}, widening{}, h, 1, y);
}
