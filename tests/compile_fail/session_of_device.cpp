// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
// expect: ssm: a session is made from a model: see language_model in generate/session.hpp for what it owes
#include <ssm/backend/cpu/cpu.hpp>
#include <ssm/generate/session.hpp>

void read(ssm::session<ssm::cpu>& session, std::span<const ssm::token_id> ids) { session.prefill(ids); }
