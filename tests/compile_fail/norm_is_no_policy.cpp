// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
// expect: ssm: an arch's bcdt_norm is a norm policy: no_norm, unit_rms, learned_rms or your own
#include <ssm/backend/cpu/cpu.hpp>
#include <ssm/ssm.hpp>

struct variant : ssm::mamba_arch {
    using bcdt_norm = float;
};

template class ssm::mamba_mixer<ssm::cpu, variant>;
