// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/ssm.hpp>

#if defined(EIGEN_WORLD_VERSION) || defined(NLOHMANN_JSON_VERSION_MAJOR) || defined(PCRE2_MAJOR)
#error "the core brought a dependency along"
#endif

// Two tokens through one channel with one state: h = decay h + gain x, y = c h + d x.
int main() {
    const float decay = 0.5F, gain = 1.0F, c = 2.0F, d = 0.0F, x[] = {1.0F, 0.0F};
    float h = 0.0F, y[2] = {};
    using row = ssm::matrix_view<const float>;
    const ssm::s4d<float> recurrence{row(&decay, 1, 1), row(&gain, 1, 1), row(&c, 1, 1),
                                     ssm::vector_view<const float>(&d, 1), row(x, 2, 1)};
    ssm::math::selective_scan(recurrence, 2, 1, 1, ssm::matrix_view<float>(&h, 1, 1), ssm::matrix_view<float>(y, 2, 1));
    return y[0] == 2.0F && y[1] == 1.0F ? 0 : 1;
}
