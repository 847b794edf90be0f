// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/backend/cpu/cpu.hpp>

#include "conformance/backend_conformance.hpp"

TEST_CASE("cpu conforms on one thread") { ssm::test::check_backend(ssm::cpu{{.threads = 1}}); }

TEST_CASE("cpu conforms on three threads") { ssm::test::check_backend(ssm::cpu{{.threads = 3}}); }
