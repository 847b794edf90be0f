// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
// expect: ssm::view: an extent is ssm::dyn or not negative
#include <ssm/core/view.hpp>

ssm::view<float, -2> backwards;
