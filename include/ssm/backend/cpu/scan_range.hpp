// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/dtype.hpp>

namespace ssm::cpu_kernels {

/// Channels that kernels take together, and multiples of which threads divide.
inline constexpr index channels_at_once = 16;

/// A rectangle of a scan: tokens [first_token, last_token) by channels [first_channel, last_channel).
struct scan_range {
    index first_token;
    index last_token;
    index first_channel;
    index last_channel;
};

}  // namespace ssm::cpu_kernels
