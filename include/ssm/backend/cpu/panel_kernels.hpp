// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cpu/instruction_set.hpp>
#include <ssm/backend/cpu/panel_tile.hpp>
#include <ssm/backend/cpu/panels_avx2.hpp>
#include <ssm/backend/cpu/panels_avx512.hpp>
#include <ssm/backend/cpu/panels_plain.hpp>

namespace ssm {

/// The kernels of a set that the machine has: the one place where instruction sets are told apart.
[[nodiscard]] inline const panel_kernels& kernels_of(instruction_set set) noexcept {
#if defined(__x86_64__)
    if (set == instruction_set::avx512) return cpu_kernels::avx512::kernels;
    if (set == instruction_set::avx2) return cpu_kernels::avx2::kernels;
#endif
    (void)set;
    return cpu_kernels::plain::kernels;
}

}  // namespace ssm
