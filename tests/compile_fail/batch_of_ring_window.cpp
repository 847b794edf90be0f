// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
// expect: so its conv state has no cursor: use shift_window
#include <ssm/backend/cpu/cpu.hpp>
#include <ssm/ssm.hpp>

struct ring_arch : ssm::mamba_arch {
    using conv_state = ssm::ring_window;
};

void run(ssm::batch<ssm::model<ssm::cpu, ring_arch>>& batch) { batch.step(); }
