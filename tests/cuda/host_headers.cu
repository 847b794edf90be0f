// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/core/dtype.hpp>
#include <ssm/core/view.hpp>

// y = bf16(x), row by row, with the views and conversions that the host uses.
__global__ void round_to_bf16(ssm::matrix_view<const float> x, ssm::matrix_view<float> y) {
    const ssm::index row = static_cast<ssm::index>(threadIdx.x);
    for (ssm::index column = 0; column < x.columns(); ++column) {
        y(row, column) = static_cast<float>(ssm::bf16(x(row, column)));
    }
}
