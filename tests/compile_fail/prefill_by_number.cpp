// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
// expect: ssm: a prefill policy has `index next_chunk(index left) const`: see policy/prefill.hpp
#include <ssm/backend/cpu/cpu.hpp>
#include <ssm/generate/session.hpp>
#include <ssm/ssm.hpp>

void read(ssm::session<ssm::mamba<ssm::cpu>>& session, std::span<const ssm::token_id> ids) {
    session.prefill(ids, 512);  // ssm::in_chunks{512} is meant
}
