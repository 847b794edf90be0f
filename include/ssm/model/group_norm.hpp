// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/concepts.hpp>
#include <ssm/core/view.hpp>

namespace ssm {

/// y = y / rms(y) * gain in place, in each of `groups` equally wide ranges of columns by itself; y (tokens, channels), gain
/// (channels).
template <class Backend>
void normalise_groups(const Backend& device, activations<Backend> y, index groups, vector_view<const float> gain,
                      float eps) {
    const index width = y.columns() / groups;
    for (index first = 0; first < y.columns(); first += width) {
        const activations<Backend> group = y.columns(first, width);
        device.rms_norm(group, vector_view<const float>(gain.data() + first, width), eps, group);
    }
}

}  // namespace ssm
