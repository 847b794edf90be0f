// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cpu/instruction_set.hpp>
#include <ssm/backend/cpu/panel_tile.hpp>
#include <ssm/backend/cpu/panels_avx2.hpp>
#include <ssm/backend/cpu/panels_avx512.hpp>
#include <ssm/backend/cpu/panels_plain.hpp>
#include <ssm/backend/cpu/scan_tile.hpp>
#include <ssm/backend/cpu/selective_scan_avx2.hpp>
#include <ssm/backend/cpu/selective_scan_avx512.hpp>
#include <ssm/backend/cpu/selective_scan_plain.hpp>

/// \file
/// The one place where instruction sets are told apart. A set is one that the machine has.
namespace ssm {

/// The kernels of products with panels.
[[nodiscard]] inline const panel_kernels& kernels_of(instruction_set set) noexcept {
#if defined(__x86_64__)
    if (set == instruction_set::avx512)
        return made_by_intel() ? cpu_kernels::avx512::kernels_of_intel : cpu_kernels::avx512::kernels;
    if (set == instruction_set::avx2)
        return made_by_intel() ? cpu_kernels::avx2::kernels_of_intel : cpu_kernels::avx2::kernels;
#endif
    (void)set;
    return cpu_kernels::plain::kernels;
}

/// The kernel of the selective recurrence.
using selective_scan_kernel = void (*)(const cpu_kernels::scan_tile&) noexcept;

[[nodiscard]] inline selective_scan_kernel selective_scan_of(instruction_set set) noexcept {
#if defined(__x86_64__)
    if (set == instruction_set::avx512) return cpu_kernels::avx512::scan_selective;
    if (set == instruction_set::avx2) return cpu_kernels::avx2::scan_selective;
#endif
    (void)set;
    return cpu_kernels::plain::scan_selective;
}

}  // namespace ssm
