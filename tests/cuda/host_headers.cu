// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/ssm.hpp>

// Any recurrence on the GPU, one channel a thread: the loop of ssm::math::selective_scan over the host's own functor.
template <ssm::recurrence R>
__global__ void scan(R r, ssm::matrix_view<typename R::scalar> h, ssm::matrix_view<typename R::scalar> y) {
    const ssm::index ch = static_cast<ssm::index>(blockIdx.x) * static_cast<ssm::index>(blockDim.x) +
                          static_cast<ssm::index>(threadIdx.x);
    if (ch >= h.columns()) return;
    for (ssm::index t = 0; t < y.rows(); ++t) {
        auto sum = r.skip(t, ch);
        for (ssm::index n = 0; n < h.rows(); ++n) {
            h(n, ch) = r.transition(t, ch, n)(h(n, ch));
            sum += r.readout(t, ch, n) * h(n, ch);
        }
        y(t, ch) = ssm::math::silu(sum);
    }
}

template __global__ void scan(ssm::selective<float>, ssm::matrix_view<float>, ssm::matrix_view<float>);
template __global__ void scan(ssm::s4d<double>, ssm::matrix_view<double>, ssm::matrix_view<double>);

__global__ void round_to_bf16(ssm::vector_view<const float> x, ssm::vector_view<ssm::bf16> y) {
    const ssm::index i = static_cast<ssm::index>(threadIdx.x);
    if (i < x.size()) y[i] = ssm::bf16(x[i]);
}
