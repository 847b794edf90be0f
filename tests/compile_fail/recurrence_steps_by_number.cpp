// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
// expect: ssm: a recurrence has transition(t, ch, n) const, an ssm::affine<scalar>
#include <ssm/backend/cpu/cpu.hpp>

struct decay_only {
    using scalar = float;
    float transition(ssm::index, ssm::index, ssm::index) const { return 0.5F; }
    float readout(ssm::index, ssm::index, ssm::index) const { return 1.0F; }
    float skip(ssm::index, ssm::index) const { return 0.0F; }
};

void run(const ssm::cpu& device, ssm::matrix_view<float> h, ssm::matrix_view<float> y) {
    device.scan(ssm::sequential{}, decay_only{}, h, 1, y);
}
