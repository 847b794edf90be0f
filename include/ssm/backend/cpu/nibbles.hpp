// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cpu/panel_matrix.hpp>

#include <cstddef>

namespace ssm::cpu_kernels {

/// The quants of a q4 block of a panel as they lie in q8: whole bytes, the lower halves first.
inline void unpack_nibbles(const std::byte* nibbles, std::byte* quants) noexcept {
    for (index i = 0; i < panel::q4_bytes; ++i) {
        quants[i] = nibbles[i] & std::byte{15};
        quants[i + panel::q4_bytes] = nibbles[i] >> 4;
    }
}

}  // namespace ssm::cpu_kernels
