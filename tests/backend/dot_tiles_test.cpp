// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/backend/cpu/dot_tiles.hpp>

#include <cstring>
#include <vector>

#include "support/catch.hpp"
#include "support/random_values.hpp"

namespace dot_tiles_test {

namespace {

/// All rows of x w^T, computed `at_once` tokens at a time.
template <class W>
std::vector<float> products(int threads, ssm::index tokens, ssm::index depth, ssm::index outputs, ssm::index at_once) {
    const std::vector<float> x = ssm::test::random_values(tokens * depth, -1, 1, 1);
    std::vector<W> w;
    for (const float value : ssm::test::random_values(outputs * depth, -1, 1, 2)) w.push_back(W(value));
    const std::vector<float> bias = ssm::test::random_values(outputs, -1, 1, 3);
    std::vector<float> y(static_cast<std::size_t>(tokens * outputs));
    ssm::thread_pool pool(threads);
    for (ssm::index t = 0; t < tokens; t += at_once) {
        const ssm::index count = std::min(at_once, tokens - t);
        ssm::dot_tiles::multiply<W>(pool, ssm::matrix_view<const float>(x.data() + t * depth, count, depth),
                                    ssm::matrix_view<const W>(w.data(), outputs, depth),
                                    ssm::vector_view<const float>(bias.data(), outputs),
                                    ssm::matrix_view<float>(y.data() + t * outputs, count, outputs), false);
    }
    return y;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

}  // namespace

TEMPLATE_TEST_CASE("A token has the same bits in any company and on any thread", "", float, ssm::bf16, ssm::f16) {
    for (const ssm::index depth : {1, 40, 333})
        for (const ssm::index outputs : {1, 7, 100}) {
            const std::vector<float> alone = products<TestType>(1, 29, depth, outputs, 1);
            for (const ssm::index at_once : {2, 6, 7, 29})
                for (const int threads : {1, 2, 4}) {
                    CAPTURE(depth, outputs, at_once, threads);
                    CHECK(same_bits(products<TestType>(threads, 29, depth, outputs, at_once), alone));
                }
        }
}

}  // namespace dot_tiles_test
