// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/view.hpp>
#include <ssm/policy/recurrence.hpp>

namespace ssm::cuda_kernels {

/// A scan and what surrounds it: with z and dt_bias, dt is softened first and y gated last.
template <class X>
struct selective_task {
    selective<float, X> r;
    vector_view<const float> dt_bias;  // (channels)
    matrix_view<const X> z;            // (sequences * tokens, channels)
    matrix_view<float> h;              // (sequences * states, channels)
    matrix_view<X> y;                  // (sequences * tokens, channels)
    index tokens;                      // of one sequence
    bool state_packs = false;          // rows of B and C can be read in packs, and fill the registers' states
};

}  // namespace ssm::cuda_kernels
