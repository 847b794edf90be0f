// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/core/view.hpp>

ssm::index elements(ssm::vector_view<const float> values) { return values.size(); }
