// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
// expect: ssm: an arch's recurrence is made from an ssm::selective: see selective_variant in policy/recurrence.hpp
#include <ssm/backend/cpu/cpu.hpp>
#include <ssm/ssm.hpp>

struct variant : ssm::mamba_arch {
    template <class S, class Input>
    using recurrence = ssm::s4d<S, Input>;
};

template class ssm::mamba_mixer<ssm::cpu, variant>;
