// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

// Listings of docs/ that stand in no example.
#include <ssm/backend/cpu/cpu.hpp>
#include <ssm/ssm.hpp>

#include <algorithm>
#include <vector>

#include "support/catch.hpp"

namespace listings_test {

// docs/extending.md, "Write a policy"
struct at_most_64 {
    ssm::index next_chunk(ssm::index left) const { return std::min<ssm::index>(left, 64); }
};
static_assert(ssm::prefill_policy<at_most_64>);

TEST_CASE("A prefill policy of one's own") {
    CHECK(at_most_64{}.next_chunk(100) == 64);
    CHECK(at_most_64{}.next_chunk(3) == 3);
}

TEST_CASE("The reference unit-tests a device") {
    // docs/extending.md, "Hold it to the reference"
    const std::vector<double> decay{0.5, 0.25}, gain{1, 2}, c{3, 4}, d{0.5}, x{1, -1, 2};
    const ssm::s4d<double> recurrence{
        ssm::matrix_view<const double>(decay.data(), 2, 1), ssm::matrix_view<const double>(gain.data(), 2, 1),
        ssm::matrix_view<const double>(c.data(), 2, 1), ssm::vector_view<const double>(d.data(), 1),
        ssm::matrix_view<const double>(x.data(), 3, 1)};
    std::vector<double> h(2), y(3);
    ssm::math::selective_scan(recurrence, 3, 1, 2, ssm::matrix_view<double>(h.data(), 2, 1),
                              ssm::matrix_view<double>(y.data(), 3, 1));
    CHECK(y[0] == 3 * 1 + 4 * 2 + 0.5);  // C . (gain x) + D x, from a state of zero
}

}  // namespace listings_test
