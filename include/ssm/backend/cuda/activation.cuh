// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/dtype.hpp>

#include <type_traits>

namespace ssm::cuda_kernels {

inline constexpr float log2_of_e = 1.4426950408889634F;

/// 2^x in one instruction of the special-function unit, within 2 ulp; results below the normal range are 0.
__device__ inline float exp2_unit(float x) {
    float result;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
    return result;
}

/// x / (1 + e^-x), within a few ulp, by two of those instructions.
__device__ inline float silu_unit(float x) { return __fdividef(x, 1.0F + exp2_unit(-log2_of_e * x)); }

/// The same as x / 2 (1 + tanh(x / 2)) by one instruction, within 2^-10: what bf16 cannot tell apart.
__device__ inline float silu_coarse(float x) {
    float tanh;
    asm("tanh.approx.f32 %0, %1;" : "=f"(tanh) : "f"(0.5F * x));
    return __fmaf_rn(0.5F * x, tanh, 0.5F * x);
}

/// x / (1 + e^-x), as precisely as X can tell.
template <class X>
__device__ float silu_for(float x) {
    return std::is_same_v<X, bf16> ? silu_coarse(x) : silu_unit(x);
}

/// log(1 + e^x) = max(x, 0) + log(1 + u) with u = e^-|x|, by one exponential and a polynomial for log(1 + u) / u on [0, 1], whose
/// coefficients come from the highest down to that of u. Small results keep their relative precision, as dt needs; above
/// 20, where the definition is the identity, the second term is less than a float's rounding.
template <class... Coefficients>
__device__ float softplus_by(float x, float highest, Coefficients... others) {
    const float u = exp2_unit(-log2_of_e * fabsf(x));
    float p = highest;
    ((p = __fmaf_rn(p, u, others)), ...);
    p = __fmaf_rn(p, u, 1.0F);
    return __fmaf_rn(p, u, fmaxf(x, 0.0F));
}

/// Degree 8, from Chebyshev nodes: the polynomial is within 1.6e-7 in float.
__device__ inline float softplus_unit(float x) {
    return softplus_by(x, 0.005253457929939032F, -0.02958850748836994F, 0.07836166769266129F, -0.13674770295619965F,
                       0.19111430644989014F, -0.24844369292259216F, 0.33319270610809326F, -0.49999502301216125F);
}

/// Degree 4: within 7e-5 of the result, what bf16 cannot tell apart.
__device__ inline float softplus_coarse(float x) {
    return softplus_by(x, 0.04310600832104683F, -0.16136261820793152F, 0.30922454595565796F, -0.4977744519710541F);
}

/// log(1 + e^x), as precisely as X can tell.
template <class X>
__device__ float softplus_for(float x) {
    return std::is_same_v<X, bf16> ? softplus_coarse(x) : softplus_unit(x);
}

}  // namespace ssm::cuda_kernels
