// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
// expect: ssm: this backend cannot capture a step: use ssm::session, which needs no capture
#include <ssm/backend/cpu/cpu.hpp>
#include <ssm/ssm.hpp>

ssm::captured_session<ssm::mamba<ssm::cpu>> start(const ssm::mamba<ssm::cpu>& model) {
    return ssm::captured_session<ssm::mamba<ssm::cpu>>(model);
}
