// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
// expect: ssm: state_space_dual takes a recurrence with one decay a head: see decays_by_head in policy/recurrence.hpp
#include <ssm/backend/cpu/cpu.hpp>
#include <ssm/ssm.hpp>

// Mamba-1's states decay each at its own rate.
struct variant : ssm::mamba_arch {
    using scan = ssm::state_space_dual;
};

template class ssm::model<ssm::cpu, variant>;
