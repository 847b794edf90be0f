// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

// Products whose depth several blocks share, which only long rows and few outputs have.
#include <ssm/ssm_cuda.cuh>

#include "conformance/backend_conformance.hpp"

namespace products_test {

TEMPLATE_TEST_CASE("A few long rows give what each gives in double", "", ssm::cuda, ssm::cuda_f16) {
    const TestType device;
    constexpr ssm::dtype type = ssm::dtype_of<typename TestType::activation>;
    for (const ssm::index outputs : {1024, 1000})
        for (const ssm::index depth : {4096, 8184})
            for (const ssm::index rows : {2, 9, 32, 64}) {
                CAPTURE(outputs, depth, rows);
                ssm::test::random_matrix w(outputs, depth, type);
                const auto stored = device.upload_matrix(w.tensor, type);
                ssm::test::narrow<TestType> x(device, rows, depth, -1, 1, 2);
                ssm::test::operand<TestType> sum(device, rows, outputs, -1, 1, 3);
                const auto before = sum.exact_values();
                device.multiply_add(x.view(), stored, {}, sum.view());
                const auto found = device.download(ssm::matrix_view<const float>(sum.view()));
                double worst = 0;
                for (ssm::index row = 0; row < rows; ++row)
                    for (ssm::index o = row % 7; o < outputs; o += 7) {
                        const auto at = static_cast<std::size_t>(row * outputs + o);
                        double expected = before[at];
                        for (ssm::index k = 0; k < depth; ++k)
                            expected += x.exact()(row, k) * w.exact[static_cast<std::size_t>(o * depth + k)];
                        worst = std::max(worst, std::abs(expected - static_cast<double>(found[at])));
                    }
                // Sums reach some 120, and tensor cores cut off instead of rounding: up to 1.4e-5 in each of the 500 steps of
                // the longer rows, of which less than a tenth shows. A part of the depth left out would show as 10.
                CHECK(worst < 1e-3);
            }
}

}  // namespace products_test
