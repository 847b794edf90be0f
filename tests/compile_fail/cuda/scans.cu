// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
// expect: ssm: a recurrence is trivially copyable and has scalar, transition(t, ch, n), readout(t, ch, n) and skip(t, ch)
// expect: ssm: a scan policy is one that the backend has a scan_kernel for: see policy/scan.hpp
#include <ssm/backend/cuda/cuda.cuh>

struct forgetful {
    using scalar = float;
    SSM_HD ssm::affine<float> transition(ssm::index, ssm::index, ssm::index) const { return {0.5F, 1.0F}; }
    SSM_HD float skip(ssm::index, ssm::index) const { return 0.0F; }
};

void run(const ssm::cuda_f32& device, ssm::matrix_view<float> h, ssm::matrix_view<float> y) {
    device.scan(ssm::sequential{}, forgetful{}, h, 1, y);
}

// A policy that only the CPU has a kernel for.
void run(const ssm::cuda_f32& device, const ssm::s4d<float>& r, ssm::matrix_view<float> h, ssm::matrix_view<float> y) {
    device.scan(ssm::convolution{}, r, h, 1, y);
}
