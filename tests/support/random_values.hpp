// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/dtype.hpp>

#include <random>
#include <vector>

namespace ssm::test {

/// Uniform floats in [low, high), the same on every run.
inline std::vector<float> random_values(index count, float low = -1.0F, float high = 1.0F, unsigned seed = 1) {
    std::mt19937 generator(seed);
    std::vector<float> values(static_cast<std::size_t>(count));
    for (float& value : values) {
        const float unit = static_cast<float>(generator() >> 8) * 0x1p-24F;
        value = low + (high - low) * unit;
    }
    return values;
}

}  // namespace ssm::test
