// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/dtype.hpp>

#include <cstdint>
#include <cstring>

#if defined(__AVX__)
#include <immintrin.h>
#endif

/// Unrolls the next loop completely, so that a small array of vectors lives in registers.
#if defined(__EDG__)
#pragma nv_diag_suppress 1675  // nvcc passes the pragma on to g++, and says that it does not know it
#endif
#if defined(__clang__)
#define SSM_UNROLL _Pragma("unroll")
#else
#define SSM_UNROLL _Pragma("GCC unroll 32")
#endif

namespace ssm::lanes {

/// \file
/// As many floats as one vector register of the target holds, in the vector extension that g++ and clang share.
/// Vectors are passed by reference: by value their calling convention would depend on the target's flags.

#if defined(__AVX512F__)
inline constexpr int width = 16;
#elif defined(__AVX__)
inline constexpr int width = 8;
#else
inline constexpr int width = 4;
#endif

using f32 = float __attribute__((vector_size(width * 4)));
using i32 = std::int32_t __attribute__((vector_size(width * 4)));
using u32 = std::uint32_t __attribute__((vector_size(width * 4)));
using u16 = std::uint16_t __attribute__((vector_size(width * 2)));

inline void load(f32& out, const float* from) noexcept { std::memcpy(&out, from, sizeof out); }

/// Sixteen bits of each lane, zero-extended. Written out because g++ 12 converts such a vector in two
/// halves; with a full mask because it warns of an uninitialised value in the form without (GCC bug 105593).
inline void load_wide(u32& out, const void* from) noexcept {
#if defined(__AVX512F__)
    out = (u32)_mm512_maskz_cvtepu16_epi32(0xffff, _mm256_loadu_si256(static_cast<const __m256i*>(from)));
#elif defined(__AVX2__)
    out = (u32)_mm256_cvtepu16_epi32(_mm_loadu_si128(static_cast<const __m128i*>(from)));
#else
    u16 bits;
    std::memcpy(&bits, from, sizeof bits);
    out = __builtin_convertvector(bits, u32);
#endif
}

inline void load(f32& out, const bf16* from) noexcept {
    u32 wide;
    load_wide(wide, from);
    out = (f32)(wide << 16);
}

inline void load(f32& out, const f16* from) noexcept {
    u32 wide;
    load_wide(wide, from);
    const u32 magnitude = wide & 0x7fffU;
    // The half's exponent lands in the float's with the wrong bias; a product with 2^112 mends it, subnormals included.
    const f32 finite = (f32)(magnitude << 13) * 0x1p112F;
    const u32 not_finite = (u32)(magnitude >= 0x7c00U) & 0x7f80'0000U;
    out = (f32)((u32)finite | not_finite | ((wide & 0x8000U) << 16));
}

inline void store(float* to, const f32& value) noexcept { std::memcpy(to, &value, sizeof value); }

/// The first `count` < width elements, and zeros behind them.
template <class T>
void load_first(f32& out, const T* from, index count) noexcept {
    T padded[width] = {};
    for (index i = 0; i < count; ++i) padded[i] = from[i];
    load(out, padded);
}

inline void store_first(float* to, const f32& value, index count) noexcept {
    for (index i = 0; i < count; ++i) to[i] = value[i];
}

/// Loads min(width, count) elements; a block at the end of a row is padded with zeros.
template <class T>
void load_block(f32& out, const T* from, index count) noexcept {
    if (count >= width)
        load(out, from);
    else
        load_first(out, from, count);
}

inline void store_block(float* to, const f32& value, index count) noexcept {
    if (count >= width)
        store(to, value);
    else
        store_first(to, value, count);
}

/// sum += a * b, in one rounding where the target has the instruction. Written out because a compiler that contracts
/// `a * b + c * d` by itself may choose another product in another copy of a loop, and bits would depend on lengths.
inline void add_product(f32& sum, const f32& a, const f32& b) noexcept {
#if defined(__AVX512F__)
    sum = (f32)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)sum);
#elif defined(__FMA__) && defined(__AVX__)
    sum = (f32)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)sum);
#else
    sum += a * b;
#endif
}

using f32x4 = float __attribute__((vector_size(16)));
using f32x8 = float __attribute__((vector_size(32)));
using f32x16 = float __attribute__((vector_size(64)));

/// Sum of all lanes, halves first: always in the same order.
inline float sum(const f32x4& v) noexcept { return (v[0] + v[2]) + (v[1] + v[3]); }
inline float sum(const f32x8& v) noexcept {
    const f32x4 halves = __builtin_shufflevector(v, v, 0, 1, 2, 3) + __builtin_shufflevector(v, v, 4, 5, 6, 7);
    return sum(halves);
}
inline float sum(const f32x16& v) noexcept {
    const f32x8 halves = __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7) +
                         __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
    return sum(halves);
}

}  // namespace ssm::lanes
