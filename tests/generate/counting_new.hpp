// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace ssm::test {

/// Calls of operator new in this program so far, by any thread.
long allocations();

}  // namespace ssm::test
