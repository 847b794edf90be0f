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

}  // namespace ssm::cuda_kernels
