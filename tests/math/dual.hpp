// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <type_traits>

/// A scalar as a user of the library would bring it: dual numbers, which carry the derivative by one parameter along.
/// Nothing here is known to ssm; its functions are found by argument-dependent lookup.
namespace elsewhere {

struct dual {
    double value = 0;
    double slope = 0;

    dual() = default;
    template <class T>
        requires std::is_arithmetic_v<T>
    constexpr dual(T constant) : value(static_cast<double>(constant)) {}
    constexpr dual(double v, double s) : value(v), slope(s) {}

    friend dual operator-(dual x) { return {-x.value, -x.slope}; }
    friend dual operator+(dual x, dual y) { return {x.value + y.value, x.slope + y.slope}; }
    friend dual operator*(dual x, dual y) { return {x.value * y.value, x.slope * y.value + x.value * y.slope}; }
    friend dual operator/(dual x, dual y) {
        return {x.value / y.value, (x.slope * y.value - x.value * y.slope) / (y.value * y.value)};
    }
    friend bool operator<(dual x, dual y) { return x.value < y.value; }
    friend bool operator>(dual x, dual y) { return x.value > y.value; }

    friend dual exp(dual x) { return {std::exp(x.value), std::exp(x.value) * x.slope}; }
    friend dual expm1(dual x) { return {std::expm1(x.value), std::exp(x.value) * x.slope}; }
    friend dual log1p(dual x) { return {std::log1p(x.value), x.slope / (1 + x.value)}; }
    friend dual sqrt(dual x) { return {std::sqrt(x.value), x.slope / (2 * std::sqrt(x.value))}; }
};

}  // namespace elsewhere
