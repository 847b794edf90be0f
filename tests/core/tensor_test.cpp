// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/core/tensor.hpp>

#include <vector>

#include "support/catch.hpp"

namespace tensor_test {

TEST_CASE("A shape is written as its extents in brackets") {
    CHECK(ssm::shape_text({}) == "[]");
    CHECK(ssm::shape_text(std::vector<ssm::index>{7}) == "[7]");
    CHECK(ssm::shape_text(std::vector<ssm::index>{8192, 1, 4}) == "[8192, 1, 4]");
}

}  // namespace tensor_test
