// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cpu/lanes.hpp>

namespace ssm::lanes {

/// \file
/// exp and its relatives on whole vectors. The error bounds hold for every float of the stated range, in
/// units in the last place against double precision; `elementary_test.cpp` tries a thousandth of them.

/// e^x, in place. At most 2 ulp where the result is normal; 0 below -87.33 (where it would be subnormal), infinity
/// above 88.72; NaN stays NaN.
inline void exp(f32& x) noexcept {
    constexpr float lowest = -87.336544F;
    constexpr float highest = 88.722839F;
    const f32 input = x;
    const f32 low = (f32){} + lowest;
    const f32 high = (f32){} + highest;
    x = x < low ? low : x;
    x = x > high ? high : x;

    // x = k ln2 + r with |r| <= ln2 / 2: adding 1.5 * 2^23 leaves k in the low mantissa bits.
    const f32 shifted = x * 1.44269504F + 0x1.8p23F;
    const f32 k = shifted - 0x1.8p23F;
    const f32 r = (x - k * 0.693359375F) - k * -2.12194440e-4F;  // ln2 in two parts, the first exact in k's products

    // e^r = 1 + r + r^2 p(r) on [-ln2/2, ln2/2]; minimax coefficients of the Cephes library's expf.
    f32 p = r * 1.9875691500e-4F + 1.3981999507e-3F;
    p = p * r + 8.3334519073e-3F;
    p = p * r + 4.1665795894e-2F;
    p = p * r + 1.6666665459e-1F;
    p = p * r + 5.0000001201e-1F;
    p = (p * (r * r) + r) + 1.0F;

    // 2^k in two factors, so that k = 128 does not overflow before its time.
    const i32 power = (i32)shifted - 0x4b40'0000;
    const i32 half = power >> 1;
    const f32 scale = (f32)((half + 127) << 23);
    const f32 rest = (f32)((power - half + 127) << 23);
    x = p * scale * rest;
    x = input < low ? (f32){} : x;
    x = input > high ? (f32){} + __builtin_inff() : x;
    x = input != input ? input : x;
}

/// 1 / (1 + e^-x), in place.
inline void sigmoid(f32& x) noexcept {
    x = -x;
    exp(x);
    x = 1.0F / (1.0F + x);
}

/// x / (1 + e^-x), in place.
inline void silu(f32& x) noexcept {
    f32 gate = x;
    sigmoid(gate);
    x = x * gate;
}

/// log(1 + e^x), in place; within rounding of the identity above 20, where the reference implementation switches to it.
inline void softplus(f32& x) noexcept {
    const f32 zero = {};
    f32 u = x > zero ? -x : x;
    exp(u);  // in (0, 1]
    // log1p(u) = 2 atanh(s), s = u / (2 + u) <= 1/3; the odd series to s^17 leaves less than 1e-9 of it.
    const f32 s = u / (u + 2.0F);
    const f32 q = s * s;
    f32 p = q * (1.0F / 17) + 1.0F / 15;
    p = p * q + 1.0F / 13;
    p = p * q + 1.0F / 11;
    p = p * q + 1.0F / 9;
    p = p * q + 1.0F / 7;
    p = p * q + 1.0F / 5;
    p = p * q + 1.0F / 3;
    p = p * q + 1.0F;
    x = (x > zero ? x : zero) + 2.0F * s * p;
}

}  // namespace ssm::lanes
