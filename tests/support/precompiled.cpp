// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

// Compiles tests/support/catch.hpp ahead for all tests, which reuse the result.
