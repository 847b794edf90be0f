// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/dtype.hpp>

#include <cuda_bf16.h>
#include <cuda_fp16.h>

namespace ssm::cuda_kernels {

/// The conversions of core/dtype.hpp in the GPU's own instructions; the same bits but for the payload of a NaN.
__device__ inline float widen(float value) { return value; }
__device__ inline float widen(bf16 value) { return value; }  // a shift
__device__ inline float widen(f16 value) { return __half2float(__ushort_as_half(value.bits)); }

template <class T>
__device__ T narrow(float value) {
    if constexpr (std::is_same_v<T, bf16>)
        return bf16::from_bits(__bfloat16_as_ushort(__float2bfloat16_rn(value)));
    else if constexpr (std::is_same_v<T, f16>)
        return f16::from_bits(__half_as_ushort(__float2half_rn(value)));
    else
        return value;
}

/// As many elements as one load of 16 bytes brings.
template <class T>
inline constexpr int lane_width = 16 / static_cast<int>(sizeof(T));

/// `Count` elements that are loaded and stored at once; aligned to their size.
template <class T, int Count = lane_width<T>>
struct alignas(sizeof(T) * Count) pack {
    T values[Count];
};

/// Whether rows that start at `data`, `stride` elements apart, can be read in packs.
template <class T>
bool holds_packs(const T* data, index stride) {
    return reinterpret_cast<std::uintptr_t>(data) % 16 == 0 && stride % lane_width<T> == 0;
}

/// A weight is read once a token: past the first-level cache, and not kept there.
template <class T>
__device__ pack<T> load_once(const T* from) {
    uint4 bits;
    asm volatile("ld.global.nc.L1::no_allocate.L2::128B.v4.u32 {%0, %1, %2, %3}, [%4];"
                 : "=r"(bits.x), "=r"(bits.y), "=r"(bits.z), "=r"(bits.w)
                 : "l"(from));
    return __builtin_bit_cast(pack<T>, bits);
}

}  // namespace ssm::cuda_kernels
