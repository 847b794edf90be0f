// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
// expect: ssm: what chooses a token is callable with std::span<const float> and returns a token_id
#include <ssm/backend/cpu/cpu.hpp>
#include <ssm/generate/session.hpp>
#include <ssm/ssm.hpp>

ssm::token_id step(ssm::session<ssm::mamba<ssm::cpu>>& session) {
    return session.next([](const std::string& text) { return static_cast<ssm::token_id>(text.size()); });
}
