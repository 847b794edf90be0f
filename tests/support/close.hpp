// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace ssm::test {

/// Largest difference between two equally long sequences, relative to the largest magnitude in the second; infinite for
/// different lengths or a NaN.
template <class Values, class Expected>
double relative_error(const Values& values, const Expected& expected) {
    if (values.size() != expected.size()) return INFINITY;
    double difference = 0;
    double magnitude = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        const double d = std::abs(static_cast<double>(values[i]) - static_cast<double>(expected[i]));
        if (std::isnan(d)) return INFINITY;
        difference = std::max(difference, d);
        magnitude = std::max(magnitude, std::abs(static_cast<double>(expected[i])));
    }
    return magnitude == 0 ? difference : difference / magnitude;
}

}  // namespace ssm::test
