// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/dtype.hpp>

#include <cuda_runtime.h>

#include <type_traits>

namespace ssm::cuda_kernels {

/// d += a b for a (16, 16), b (16, 8) and d (16, 8), spread over a warp as mma.m16n8k16 has them.
template <class T>
__device__ void multiply_tile(float (&d)[4], unsigned a0, unsigned a1, unsigned a2, unsigned a3, unsigned b0,
                              unsigned b1) {
    if constexpr (std::is_same_v<T, bf16>)
        asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
            "{%0, %1, %2, %3};"
            : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
            : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
    else
        asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
            "{%0, %1, %2, %3};"
            : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
            : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
}

/// The two tiles of a depth of 32: 8 elements of row `lane / 4` and of row `lane / 4 + 8` of the weights, and of row
/// `lane / 4` of x, all from depth 8 (lane % 4) on.
template <class T>
__device__ void multiply_packs(float (&d)[4], const uint4& top, const uint4& bottom, const uint4& x) {
    multiply_tile<T>(d, top.x, bottom.x, top.y, bottom.y, x.x, x.y);
    multiply_tile<T>(d, top.z, bottom.z, top.w, bottom.w, x.z, x.w);
}

/// Floats as the tensor cores take them in TF32, which has 11 bits. Those that were widened from so few are exact; others are
/// split, into what TF32 holds and as much again of the rest.
template <bool Split, int Count>
struct tf32_values {
    unsigned upper[Count], lower[Count];

    __device__ explicit tf32_values(const float (&values)[Count]) {
#pragma unroll
        for (int i = 0; i < Count; ++i) {
            upper[i] = __float_as_uint(values[i]);
            if (!Split) continue;
            upper[i] &= 0xffffe000U;
            lower[i] = __float_as_uint(values[i] - __uint_as_float(upper[i]));
        }
    }
};

/// d += a b for a (16, 8), b (8, 8) and d (16, 8), spread over a warp as mma.m16n8k8 has them.
__device__ inline void multiply_tile(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
    asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
/// The same of floats: what is left out is the product of the lower halves.
template <bool SplitA, bool SplitB>
__device__ void multiply_tile(float (&d)[4], const tf32_values<SplitA, 4>& a, const tf32_values<SplitB, 2>& b) {
    if (SplitA) multiply_tile(d, a.lower, b.upper);
    if (SplitB) multiply_tile(d, a.upper, b.lower);
    multiply_tile(d, a.upper, b.upper);
}

}  // namespace ssm::cuda_kernels
