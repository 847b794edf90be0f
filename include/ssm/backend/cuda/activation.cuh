// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

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

/// log(1 + e^x); above 20 the identity. Small results keep their precision, as dt needs.
__device__ inline float softplus_unit(float x) { return x > 20.0F ? x : log1pf(exp2_unit(log2_of_e * x)); }

}  // namespace ssm::cuda_kernels
