// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/core/view.hpp>

#if defined(EIGEN_WORLD_VERSION) || defined(NLOHMANN_JSON_VERSION_MAJOR) || defined(PCRE2_MAJOR)
#error "the core brought a dependency along"
#endif

int main() {
    const float values[] = {1, 2, 3};
    return ssm::vector_view<const float>(values, 3)[2] == 3 ? 0 : 1;
}
