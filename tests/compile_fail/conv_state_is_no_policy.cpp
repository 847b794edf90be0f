// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
// expect: ssm: an arch's conv_state is a conv-state policy: shift_window, ring_window or your own
#include <ssm/backend/cpu/cpu.hpp>
#include <ssm/ssm.hpp>

struct variant : ssm::mamba_arch {
    using conv_state = float;
};

template class ssm::mamba_mixer<ssm::cpu, variant>;
