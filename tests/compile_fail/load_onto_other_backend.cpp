// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
// expect: ssm: a model is loaded onto a device of its own backend, the first parameter of its type
#include <ssm/backend/cpu/cpu.hpp>
#include <ssm/backend/cpu/dot_tiles.hpp>
#include <ssm/io/synthetic_checkpoint.hpp>
#include <ssm/ssm.hpp>

auto load(const ssm::synthetic_checkpoint& weights, const ssm::basic_cpu<ssm::dot_tiles>& device) {
    return ssm::load<ssm::falcon_mamba<ssm::cpu>>(weights, device);
}
