// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/error.hpp>

#include <string>
#include <string_view>

/// The instruction sets that kernels are written for, as function attributes: a program compiled for any x86-64 holds all
/// of them and picks at run time.
#define SSM_TARGET_AVX2 gnu::target("avx2,fma,f16c")
#define SSM_TARGET_AVX512 gnu::target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16,avx2,fma,f16c")

namespace ssm {

/// What the kernels of the products may use of a machine.
enum class instruction_set {
    plain,  ///< C++ and no intrinsics: any machine
    avx2,   ///< x86-64-v3: AVX2, FMA, F16C
    avx512  ///< x86-64-v4 with VNNI and BF16: AMD from Zen 4, Intel from Sapphire Rapids
};

[[nodiscard]] constexpr std::string_view name_of(instruction_set set) noexcept {
    switch (set) {
        case instruction_set::plain: return "plain";
        case instruction_set::avx2: return "avx2";
        case instruction_set::avx512: return "avx512";
    }
    return "unknown";
}

/// Whether this machine, and its operating system, have a set.
[[nodiscard]] inline bool machine_has(instruction_set set) noexcept {
#if defined(__x86_64__)
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (set == instruction_set::avx2) return avx2;
    if (set == instruction_set::avx512)
        return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bf16");
#endif
    return set == instruction_set::plain;
}

/// Whether Intel made this machine: of two kernels for one set, the faster may depend on it.
[[nodiscard]] inline bool made_by_intel() noexcept {
#if defined(__x86_64__)
    return __builtin_cpu_is("intel");
#else
    return false;
#endif
}

/// The largest set this machine has.
[[nodiscard]] inline instruction_set best_instruction_set() noexcept {
    for (const instruction_set set : {instruction_set::avx512, instruction_set::avx2})
        if (machine_has(set)) return set;
    return instruction_set::plain;
}

/// `set`, or argument_error when this machine does not have it.
[[nodiscard]] inline instruction_set validated(instruction_set set) {
    if (!machine_has(set))
        throw argument_error({"cpu_options", "instructions", std::string(name_of(set)),
                              "at most " + std::string(name_of(best_instruction_set())),
                              "leave it out to take the best that this machine has"});
    return set;
}

}  // namespace ssm
