// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/config.hpp>

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace ssm {

/// Number of elements, or a position; signed so that differences are meaningful.
using index = std::ptrdiff_t;

/// How the numbers of a stored tensor are written: an element type, or for weight matrices one of the formats of
/// core/quantized.hpp, which keep 32 neighbours of a row in a block with one scale.
enum class dtype : std::uint8_t { f32, bf16, f16, q8, q4 };

/// Whether a dtype is written in blocks and not in elements.
[[nodiscard]] constexpr bool is_quantized(dtype type) noexcept { return type == dtype::q8 || type == dtype::q4; }

// `__builtin_bit_cast` is what `std::bit_cast` calls; g++, clang and nvcc accept it in device code without a flag.

/// Upper half of a float: 8 exponent bits, 7 explicit mantissa bits. Storage only; arithmetic is done in float.
struct bf16 {
    std::uint16_t bits = 0;

    bf16() = default;

    /// Rounds to nearest, ties to even. A NaN keeps its sign and upper payload and is made quiet.
    SSM_HD explicit constexpr bf16(float value) noexcept : bits(round(__builtin_bit_cast(std::uint32_t, value))) {}

    SSM_HD constexpr operator float() const noexcept {
        return __builtin_bit_cast(float, static_cast<std::uint32_t>(bits) << 16);
    }

    SSM_HD static constexpr bf16 from_bits(std::uint16_t bits) noexcept {
        bf16 result;
        result.bits = bits;
        return result;
    }

private:
    SSM_HD static constexpr std::uint16_t round(std::uint32_t f) noexcept {
        const bool is_nan = (f & 0x7fff'ffffU) > 0x7f80'0000U;
        if (is_nan) return static_cast<std::uint16_t>((f >> 16) | 0x0040U);
        const std::uint32_t half_ulp_to_even = 0x7fffU + ((f >> 16) & 1U);
        return static_cast<std::uint16_t>((f + half_ulp_to_even) >> 16);
    }
};

/// IEEE 754 binary16: 5 exponent bits, 10 explicit mantissa bits. Storage only; arithmetic is done in float.
struct f16 {
    std::uint16_t bits = 0;

    f16() = default;

    /// Rounds to nearest, ties to even; overflow gives infinity, a NaN stays a (quiet) NaN.
    SSM_HD explicit constexpr f16(float value) noexcept : bits(round(__builtin_bit_cast(std::uint32_t, value))) {}

    SSM_HD constexpr operator float() const noexcept {
        const std::uint32_t sign = (bits & 0x8000U) << 16;
        const std::uint32_t magnitude = bits & 0x7fffU;
        if (magnitude >= 0x7c00U) return __builtin_bit_cast(float, sign | 0x7f80'0000U | ((magnitude & 0x3ffU) << 13));
        if (magnitude >= 0x0400U) return __builtin_bit_cast(float, sign | ((magnitude << 13) + (112U << 23)));
        const float subnormal = static_cast<float>(magnitude) * 0x1p-24F;  // exact: at most 10 significant bits
        return __builtin_bit_cast(float, sign | __builtin_bit_cast(std::uint32_t, subnormal));
    }

    SSM_HD static constexpr f16 from_bits(std::uint16_t bits) noexcept {
        f16 result;
        result.bits = bits;
        return result;
    }

private:
    SSM_HD static constexpr std::uint16_t round(std::uint32_t f) noexcept {
        const auto sign = static_cast<std::uint16_t>((f >> 16) & 0x8000U);
        const std::uint32_t magnitude = f & 0x7fff'ffffU;
        if (magnitude > 0x7f80'0000U) return static_cast<std::uint16_t>(sign | 0x7e00U | ((magnitude >> 13) & 0x3ffU));
        if (magnitude >= 0x4780'0000U) return static_cast<std::uint16_t>(sign | 0x7c00U);  // 2^16 and above
        if (magnitude < 0x3880'0000U) {                                                    // below 2^-14: subnormal
            // Adding 0.5 leaves the value as a multiple of 2^-24 in the low mantissa bits, rounded by the FPU.
            const float shifted = __builtin_bit_cast(float, magnitude) + 0.5F;
            return static_cast<std::uint16_t>(sign | (__builtin_bit_cast(std::uint32_t, shifted) - 0x3f00'0000U));
        }
        const std::uint32_t rounded = magnitude - (112U << 23) + 0xfffU + ((magnitude >> 13) & 1U);
        return static_cast<std::uint16_t>(sign | (rounded >> 13));  // a carry out of 65504 lands on infinity
    }
};

static_assert(sizeof(bf16) == 2 && std::is_trivially_copyable_v<bf16>);
static_assert(sizeof(f16) == 2 && std::is_trivially_copyable_v<f16>);

/// Size of one element in bytes. A quantized dtype has no elements: see `row_bytes`.
[[nodiscard]] constexpr index size_of(dtype type) noexcept {
    assert(!is_quantized(type));
    return type == dtype::f32 ? 4 : 2;
}

/// Lower-case name, as users type it on a command line.
[[nodiscard]] constexpr std::string_view name_of(dtype type) noexcept {
    switch (type) {
        case dtype::f32: return "f32";
        case dtype::bf16: return "bf16";
        case dtype::f16: return "f16";
        case dtype::q8: return "q8";
        case dtype::q4: return "q4";
    }
    return "unknown";
}

/// A storage type: float, bf16 or f16.
template <class T>
concept stored_element = std::is_same_v<T, float> || std::is_same_v<T, bf16> || std::is_same_v<T, f16>;

/// The `dtype` of a storage type.
template <class T>
inline constexpr dtype dtype_of = [] {
    static_assert(stored_element<T>, "ssm: a stored element is float, ssm::bf16 or ssm::f16");
    return std::is_same_v<T, float> ? dtype::f32 : std::is_same_v<T, bf16> ? dtype::bf16 : dtype::f16;
}();

/// Names a type as a value; what `with_storage_type` passes on.
template <class T>
struct type_tag {
    using type = T;
};

/// Calls `f(type_tag<T>{})` with the storage type T that `type` names; `type` is not quantized.
template <class F>
decltype(auto) with_storage_type(dtype type, F&& f) {
    assert(!is_quantized(type));
    switch (type) {
        case dtype::bf16: return f(type_tag<bf16>{});
        case dtype::f16: return f(type_tag<f16>{});
        case dtype::f32:
        case dtype::q8:
        case dtype::q4: break;
    }
    return f(type_tag<float>{});
}

}  // namespace ssm
