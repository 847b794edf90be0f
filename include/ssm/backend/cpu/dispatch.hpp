// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cpu/instruction_set.hpp>
#include <ssm/backend/cpu/panel_tile.hpp>
#include <ssm/backend/cpu/panels_avx2.hpp>
#include <ssm/backend/cpu/panels_avx512.hpp>
#include <ssm/backend/cpu/panels_plain.hpp>
#include <ssm/backend/cpu/scan_range.hpp>
#include <ssm/backend/cpu/selective_scan_avx2.hpp>
#include <ssm/backend/cpu/selective_scan_avx512.hpp>
#include <ssm/backend/cpu/selective_scan_plain.hpp>
#include <ssm/core/view.hpp>
#include <ssm/policy/recurrence.hpp>

/// \file
/// The one place where instruction sets are told apart. A set is one that the machine has.
namespace ssm {

/// The kernels of products with panels.
[[nodiscard]] inline const panel_kernels& kernels_of(instruction_set set) noexcept {
#if defined(__x86_64__)
    if (set == instruction_set::avx512) return cpu_kernels::avx512::kernels;
    if (set == instruction_set::avx2) return cpu_kernels::avx2::kernels;
#endif
    (void)set;
    return cpu_kernels::plain::kernels;
}

/// The selective recurrence over a range of tokens and channels; y holds what the skip adds and is left with the sums.
using selective_scan_kernel = void (*)(const selective<float>& r, const cpu_kernels::scan_range& range,
                                       matrix_view<float> h, matrix_view<float> y) noexcept;

[[nodiscard]] inline selective_scan_kernel selective_scan_of(instruction_set set) noexcept {
#if defined(__x86_64__)
    if (set == instruction_set::avx512) return cpu_kernels::avx512::scan_selective;
    if (set == instruction_set::avx2) return cpu_kernels::avx2::scan_selective;
#endif
    (void)set;
    return cpu_kernels::plain::scan_selective;
}

}  // namespace ssm
