// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/dtype.hpp>

namespace ssm::cpu_kernels {

/// A rectangle of a scan: tokens [first_token, last_token) by channels [first_channel, last_channel).
struct scan_range {
    index first_token;
    index last_token;
    index first_channel;
    index last_channel;
};

/// e^x = 2^(x log2(e)). Decays are computed so, with the factor in the rates: a power of two is an exponent.
inline constexpr float log2_of_e = 1.44269504F;

/// 2^f for |f| <= 1/2 as a polynomial, the highest power first: 1 and ln 2 exactly as floats, then the interpolation of the
/// rest at Chebyshev's points. It errs by less than 1e-8, and by next to nothing around 0, where the decays are that matter
/// for long.
inline constexpr float exp2_terms[] = {
    0x1.43e716p-13F, 0x1.5ec866p-10F, 0x1.3b2a80p-7F, 0x1.c6afeep-5F, 0x1.ebfbe0p-3F, 0x1.62e430p-1F, 1.0F};

}  // namespace ssm::cpu_kernels
