// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/core/dtype.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "support/catch.hpp"

namespace dtype_test {

namespace {

using ssm::bf16;
using ssm::f16;

/// What the two narrow formats are, written down once more and independently: widths of exponent and mantissa.
template <class T>
struct format;
template <>
struct format<bf16> {
    static constexpr int exponent = 8, mantissa = 7;
};
template <>
struct format<f16> {
    static constexpr int exponent = 5, mantissa = 10;
};

template <class T>
constexpr int infinity_bits = ((1 << format<T>::exponent) - 1) << format<T>::mantissa;

/// The value of a positive bit pattern, IEEE 754 section 3.4. That of infinity is what the next exponent would give,
/// which is where rounding to nearest puts the threshold of overflow.
template <class T>
double exact_value(int bits) {
    constexpr int bias = (1 << (format<T>::exponent - 1)) - 1;
    const int exponent = bits >> format<T>::mantissa;
    const int mantissa = bits & ((1 << format<T>::mantissa) - 1);
    if (exponent == 0) return std::ldexp(mantissa, 1 - bias - format<T>::mantissa);
    return std::ldexp((1 << format<T>::mantissa) + mantissa, exponent - bias - format<T>::mantissa);
}

template <class T>
std::vector<double> exact_values() {
    std::vector<double> values;
    for (int bits = 0; bits <= infinity_bits<T>; ++bits) values.push_back(exact_value<T>(bits));
    return values;
}

/// Rounds by looking for the nearest of all values, ties to the even pattern. All differences are exact in double.
template <class T>
int slowly_rounded(float x, const std::vector<double>& values) {
    const int sign = std::signbit(x) ? 0x8000 : 0;
    const double magnitude = std::abs(static_cast<double>(x));
    if (magnitude >= values.back()) return sign | infinity_bits<T>;
    const auto above = static_cast<int>(std::upper_bound(values.begin(), values.end(), magnitude) - values.begin());
    const int below = above - 1;
    const double down = magnitude - values[static_cast<std::size_t>(below)];
    const double up = values[static_cast<std::size_t>(above)] - magnitude;
    if (down == up) return sign | (below % 2 == 0 ? below : above);
    return sign | (down < up ? below : above);
}

template <class T>
void check_rounding(float x, const std::vector<double>& values) {
    for (const float signed_x : {x, -x}) {
        const int expected = slowly_rounded<T>(signed_x, values);
        if (T(signed_x).bits != expected)
            FAIL("rounding " << signed_x << " gave bits " << T(signed_x).bits << ", expected " << expected);
    }
}

}  // namespace

TEMPLATE_TEST_CASE("Every bit pattern widens to its IEEE value", "", bf16, f16) {
    for (int bits = 0; bits < infinity_bits<TestType>; ++bits) {
        const auto positive =
            static_cast<double>(static_cast<float>(TestType::from_bits(static_cast<std::uint16_t>(bits))));
        const auto negative = static_cast<float>(TestType::from_bits(static_cast<std::uint16_t>(bits | 0x8000)));
        if (positive != exact_value<TestType>(bits)) FAIL("bits " << bits << " widen to " << positive);
        if (static_cast<double>(negative) != -positive || !std::signbit(negative)) FAIL("sign lost from bits " << bits);
    }
    CHECK(static_cast<float>(TestType::from_bits(infinity_bits<TestType>)) == INFINITY);
    CHECK(static_cast<float>(TestType::from_bits(infinity_bits<TestType> | 0x8000)) == -INFINITY);
}

TEMPLATE_TEST_CASE("Every bit pattern survives the way to float and back", "", bf16, f16) {
    constexpr int quiet = 1 << (format<TestType>::mantissa - 1);
    for (int bits = 0; bits < 0x10000; ++bits) {
        const auto wide = static_cast<float>(TestType::from_bits(static_cast<std::uint16_t>(bits)));
        const bool is_nan = (bits & 0x7fff) > infinity_bits<TestType>;
        if (std::isnan(wide) != is_nan) FAIL("bits " << bits << " widen to " << wide);
        const int expected = is_nan ? bits | quiet : bits;  // a NaN keeps sign and payload and is quiet
        if (TestType(wide).bits != expected) FAIL("bits " << bits << " come back as " << TestType(wide).bits);
    }
}

TEMPLATE_TEST_CASE("Rounding is to nearest, ties to even", "", bf16, f16) {
    const std::vector<double> values = exact_values<TestType>();

    SECTION("at every value, at every midpoint and beside them, subnormals and the overflow threshold included") {
        for (std::size_t i = 0; i + 1 < values.size(); ++i) {
            const auto value = static_cast<float>(values[i]);
            const auto midpoint = static_cast<float>((values[i] + values[i + 1]) / 2);  // exact: one bit more than T
            for (const float x : {value, midpoint}) {
                check_rounding<TestType>(x, values);
                check_rounding<TestType>(std::nextafter(x, INFINITY), values);
                check_rounding<TestType>(std::nextafter(x, 0.0F), values);
            }
        }
    }
    SECTION("at random floats of every magnitude") {
        std::mt19937 generator(5);
        for (int trial = 0; trial < 200'000; ++trial) {
            const float x = __builtin_bit_cast(float, static_cast<std::uint32_t>(generator()));
            if (!std::isnan(x)) check_rounding<TestType>(x, values);
        }
    }
    SECTION("at the ends") {
        for (const float x : {0.0F, std::numeric_limits<float>::denorm_min(), std::numeric_limits<float>::min(),
                              std::numeric_limits<float>::max(), INFINITY})
            check_rounding<TestType>(x, values);
    }
}

TEMPLATE_TEST_CASE("A NaN whose payload is lost in rounding stays a NaN", "", bf16, f16) {
    for (const std::uint32_t bits : {0x7f80'0001U, 0xff80'0001U, 0x7fff'ffffU, 0xffc0'0000U}) {
        const TestType narrow(__builtin_bit_cast(float, bits));
        CHECK(std::isnan(static_cast<float>(narrow)));
        CHECK((narrow.bits >> 15) == (bits >> 31));
    }
}

TEST_CASE("f16 overflows from 65520, its last midpoint") {
    CHECK(static_cast<float>(f16(65519.0F)) == 65504.0F);
    CHECK(static_cast<float>(f16(65520.0F)) == INFINITY);
    CHECK(static_cast<float>(f16(-65520.0F)) == -INFINITY);
}

TEST_CASE("Conversions are constant expressions") {
    STATIC_REQUIRE(static_cast<float>(bf16(1.00390625F)) == 1.0F);  // a tie, down to even
    STATIC_REQUIRE(static_cast<float>(f16(0.1F)) == 0.0999755859375F);
    STATIC_REQUIRE(static_cast<float>(f16(0x1p-24F)) == 0x1p-24F);
    STATIC_REQUIRE(bf16().bits == 0);
    STATIC_REQUIRE(f16().bits == 0);
}

TEST_CASE("A dtype knows its size, name and storage type") {
    STATIC_REQUIRE(ssm::dtype_of<float> == ssm::dtype::f32);
    STATIC_REQUIRE(ssm::dtype_of<bf16> == ssm::dtype::bf16);
    STATIC_REQUIRE(ssm::dtype_of<f16> == ssm::dtype::f16);
    CHECK(ssm::name_of(ssm::dtype::f32) == "f32");
    CHECK(ssm::name_of(ssm::dtype::bf16) == "bf16");
    CHECK(ssm::name_of(ssm::dtype::f16) == "f16");
    for (const ssm::dtype type : {ssm::dtype::f32, ssm::dtype::bf16, ssm::dtype::f16})
        ssm::with_storage_type(type, [type]<class T>(ssm::type_tag<T>) {
            CHECK(ssm::dtype_of<T> == type);
            CHECK(ssm::size_of(type) == static_cast<ssm::index>(sizeof(T)));
        });
}

}  // namespace dtype_test
