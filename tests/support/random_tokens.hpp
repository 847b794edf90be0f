// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/model_config.hpp>

#include <random>
#include <vector>

namespace ssm::test {

/// Ids of a text: the same for the same seed.
inline std::vector<token_id> random_tokens(index count, index vocab, unsigned seed = 3) {
    std::mt19937 random(seed);
    std::vector<token_id> ids;
    for (index t = 0; t < count; ++t) ids.push_back(static_cast<token_id>(random() % static_cast<unsigned>(vocab)));
    return ids;
}

}  // namespace ssm::test
