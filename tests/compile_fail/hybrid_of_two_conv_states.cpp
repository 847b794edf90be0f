// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
// expect: ssm: the archs of a hybrid keep their conv inputs alike: give all of them one conv_state
#include <ssm/backend/cpu/cpu.hpp>
#include <ssm/ssm.hpp>

struct ring_arch : ssm::mamba2_arch {
    using conv_state = ssm::ring_window;
};

template class ssm::model<ssm::cpu, ssm::hybrid_arch<ssm::mamba_arch, ring_arch>>;
