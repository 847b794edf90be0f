// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
// expect: weight_source
#include <ssm/backend/cpu/cpu.hpp>
#include <ssm/ssm.hpp>

auto load(const ssm::cpu& device) {
    return ssm::load<ssm::falcon_mamba<ssm::cpu>>("models/fairy-tiny", device);  // a checkpoint is meant
}
