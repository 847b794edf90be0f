// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/dtype.hpp>
#include <ssm/core/view.hpp>

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

/// `Count` elements that are loaded and stored at once; aligned to their size. Kept as the words that came: taken apart
/// only where an element is used, because a conversion right after a load would wait for it.
template <class T, int Count = lane_width<T>>
struct alignas(sizeof(T) * Count) pack {
    static_assert(sizeof(T) * Count % 4 == 0);
    std::uint32_t words[sizeof(T) * Count / 4];

    __device__ float operator[](int i) const {
        if constexpr (std::is_same_v<T, float>)
            return __uint_as_float(words[i]);
        else if constexpr (std::is_same_v<T, bf16>)
            return __uint_as_float(i % 2 == 0 ? words[i / 2] << 16 : words[i / 2] & 0xffff0000U);
        else
            return __half2float(__ushort_as_half(static_cast<unsigned short>(words[i / 2] >> (i % 2 * 16) & 0xffffU)));
    }
    /// Elements i and i + 1, rounded; i is even.
    __device__ void set_pair(int i, float first, float second) {
        if constexpr (std::is_same_v<T, float>) {
            words[i] = __float_as_uint(first);
            words[i + 1] = __float_as_uint(second);
        } else if constexpr (std::is_same_v<T, bf16>) {
            asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(words[i / 2]) : "f"(second), "f"(first));
        } else {
            asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(words[i / 2]) : "f"(second), "f"(first));
        }
    }
};

/// Element i, which is known when compiling.
__device__ inline float element(const float4& v, int i) { return i == 0 ? v.x : i == 1 ? v.y : i == 2 ? v.z : v.w; }

/// Writes four neighbouring elements at once, rounded to T. By name: nvcc 13 makes four stores of a pack written under a
/// condition.
template <class T>
__device__ void store_four(T* to, float a, float b, float c, float d) {
    if constexpr (sizeof(T) == sizeof(float)) {
        __stcg(reinterpret_cast<float4*>(to), float4{a, b, c, d});
    } else {
        pack<T, 4> rounded;
        rounded.set_pair(0, a, b);
        rounded.set_pair(2, c, d);
        __stcg(reinterpret_cast<uint2*>(to), __builtin_bit_cast(uint2, rounded));
    }
}

/// Whether rows that start at `data`, `stride` elements apart, can be read in packs of so many.
template <int Count = 0, class T>
bool holds_packs(const T* data, index stride) {
    constexpr int count = Count == 0 ? lane_width<T> : Count;
    return reinterpret_cast<std::uintptr_t>(data) % sizeof(pack<T, count>) == 0 && stride % count == 0;
}

/// `Count` neighbouring floats from an address aligned to 16 bytes.
template <int Count>
__device__ void load_floats(float (&to)[Count], const float* from) {
#pragma unroll
    for (int i = 0; i < Count; i += 4) *reinterpret_cast<float4*>(to + i) = *reinterpret_cast<const float4*>(from + i);
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

/// Asks for the line at `address` to be brought to the second-level cache. A hint: nothing is read.
__device__ inline void prefetch_line(const void* address) { asm volatile("prefetch.global.L2 [%0];" ::"l"(address)); }

/// Begins a copy of 16 bytes from global to shared memory, past the first-level cache; of zeros, when nothing `exists`.
__device__ inline void copy_async(void* to, const void* from, bool exists = true) {
    asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16, %2;" ::"r"(
                     static_cast<unsigned>(__cvta_generic_to_shared(to))),
                 "l"(from), "r"(exists ? 16 : 0)
                 : "memory");
}
/// The same of a float, through that cache.
__device__ inline void copy_float_async(float* to, const float* from) {
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4;" ::"r"(static_cast<unsigned>(__cvta_generic_to_shared(to))),
                 "l"(from)
                 : "memory");
}
/// Makes a group of the copies this thread began since the last group.
__device__ inline void close_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
/// Waits until all but the newest `pending` groups of this thread have arrived; fewer may be pending than it says.
__device__ inline void await_copies(int pending) {
    switch (pending) {  // the instruction takes a constant
        case 0: asm volatile("cp.async.wait_group 0;" ::: "memory"); break;
        case 1: asm volatile("cp.async.wait_group 1;" ::: "memory"); break;
        case 2: asm volatile("cp.async.wait_group 2;" ::: "memory"); break;
        case 3: asm volatile("cp.async.wait_group 3;" ::: "memory"); break;
        default: asm volatile("cp.async.wait_group 0;" ::: "memory"); break;
    }
}
/// The same where `Pending` is known.
template <int Pending>
__device__ void await_copies() {
    asm volatile("cp.async.wait_group %0;" ::"n"(Pending) : "memory");
}

}  // namespace ssm::cuda_kernels
