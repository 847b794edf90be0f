// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
// expect: extents_agree
#include <ssm/core/view.hpp>

auto widened(const ssm::view<float, 3, 4>& of) { return ssm::view<const float, 3, 5>(of); }
