// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
// expect: ssm: only a time-invariant recurrence runs as a convolution: it has unit_step(ch, n) and input(t, ch)
#include <ssm/backend/cpu/cpu.hpp>

void run(const ssm::cpu& device, const ssm::selective<float>& r, ssm::matrix_view<float> h, ssm::matrix_view<float> y) {
    device.scan(ssm::convolution{}, r, h, 1, y);
}
