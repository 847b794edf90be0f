// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/capabilities.hpp>
#include <ssm/backend/concepts.hpp>
#include <ssm/core/view.hpp>
#include <ssm/model/state.hpp>

namespace ssm {

/// The scan of a mixer and the gate behind it, y = scan(r) silu(z); z and y (sequences * tokens, channels). Moves h on.
/// Where the backend `fuses_gated_scan`, r.dt is taken as it is before its softening, else as it is after it.
template <class Backend, class Policy, class R, class Softening>
void gated_scan(const Backend& device, Policy policy, const R& r, const Softening& softening,
                const_activations<Backend> z, const layer_state& memory, activations<Backend> y) {
    if constexpr (fuses_gated_scan<Backend, Policy, R, Softening>) {
        device.gated_scan(policy, r, softening, z, memory.h, memory.sequences, y);
    } else {
        device.scan(policy, r, memory.h, memory.sequences, y);
        device.gate(z, y);
    }
}

}  // namespace ssm
