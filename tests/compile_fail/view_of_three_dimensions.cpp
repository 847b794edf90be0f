// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
// expect: ssm::view: a tensor seen by an operation has one or two dimensions
#include <ssm/core/view.hpp>

ssm::view<float, 2, 3, 4> cube;
