// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// Catch2 under one name: the version that CMake found, 2 or 3.

#if SSM_CATCH2_MAJOR >= 3
#include <catch2/catch_all.hpp>
using Catch::Approx;

namespace Catch {
/// As version 2 calls it; version 3 has a matcher of ranges under a like name.
inline auto Contains(const std::string& part) { return Matchers::ContainsSubstring(part); }
}  // namespace Catch
#else
#include <catch2/catch.hpp>
#endif
