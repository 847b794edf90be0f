// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/backend/cpu/elementary.hpp>

#include <cmath>
#include <limits>

#include "support/catch.hpp"

namespace elementary_test {

namespace {

namespace lanes = ssm::lanes;

/// The worst error of `apply` over every 1009th float of [low, high], in units in the last place of the exact result.
template <class Apply, class Exact>
double worst_ulps(Apply apply, Exact exact, float low, float high) {
    constexpr std::uint32_t stride = 1009;
    double worst = 0;
    for (std::uint64_t bits = 0; bits < (std::uint64_t{1} << 32); bits += stride) {
        const float x = __builtin_bit_cast(float, static_cast<std::uint32_t>(bits));
        if (!(x >= low && x <= high)) continue;
        const double expected = exact(static_cast<double>(x));
        const auto rounded = static_cast<float>(std::abs(expected));
        if (rounded < std::numeric_limits<float>::min()) continue;
        lanes::f32 value = lanes::f32{} + x;
        apply(value);
        const double ulp = std::nextafter(rounded, INFINITY) - rounded;
        worst = std::max(worst, std::abs(static_cast<double>(value[0]) - expected) / ulp);
    }
    return worst;
}

template <class Apply>
float at(Apply apply, float x) {
    lanes::f32 value = lanes::f32{} + x;
    apply(value);
    return value[lanes::width - 1];
}

}  // namespace

TEST_CASE("exp is within 2 ulp") {
    CHECK(worst_ulps([](auto& v) { lanes::exp(v); }, [](double x) { return std::exp(x); }, -87.33F, 88.72F) < 2);
}

TEST_CASE("softplus is within 4 ulp") {
    CHECK(worst_ulps([](auto& v) { lanes::softplus(v); }, [](double x) { return std::log1p(std::exp(x)); }, -87, 87) <
          4);
}

TEST_CASE("silu is within 4 ulp") {
    CHECK(worst_ulps([](auto& v) { lanes::silu(v); }, [](double x) { return x / (1 + std::exp(-x)); }, -80, 1e30F) < 4);
}

TEST_CASE("The ends of the number line") {
    const auto exp = [](auto& v) { lanes::exp(v); };
    const auto softplus = [](auto& v) { lanes::softplus(v); };
    const auto silu = [](auto& v) { lanes::silu(v); };
    CHECK(at(exp, 0.0F) == 1.0F);
    CHECK(at(exp, -88.0F) == 0.0F);
    CHECK(at(exp, -INFINITY) == 0.0F);
    CHECK(at(exp, 89.0F) == INFINITY);
    CHECK(at(exp, INFINITY) == INFINITY);
    CHECK(std::isnan(at(exp, NAN)));
    CHECK(at(softplus, -200.0F) == 0.0F);
    CHECK(at(softplus, 1e30F) == 1e30F);
    CHECK(std::isnan(at(softplus, NAN)));
    CHECK(at(silu, 0.0F) == 0.0F);
    CHECK(at(silu, 1e30F) == 1e30F);
    CHECK(at(silu, -1e30F) == 0.0F);
    CHECK(std::isnan(at(silu, NAN)));
}

TEST_CASE("Lanes widen every bf16 and f16 exactly") {
    for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
        const auto b = ssm::bf16::from_bits(static_cast<std::uint16_t>(bits));
        const auto h = ssm::f16::from_bits(static_cast<std::uint16_t>(bits));
        lanes::f32 wide;
        lanes::load_first(wide, &b, 1);
        const bool same_bf16 = wide[0] == static_cast<float>(b) || std::isnan(static_cast<float>(b));
        lanes::load_first(wide, &h, 1);
        const bool same_f16 =
            wide[0] == static_cast<float>(h) || (std::isnan(static_cast<float>(h)) && std::isnan(wide[0]));
        if (!same_bf16 || !same_f16) FAIL("bits " << bits);
    }
}

}  // namespace elementary_test
