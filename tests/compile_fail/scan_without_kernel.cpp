// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
// expect: ssm: an arch's scan is a scan policy that the backend has a scan_kernel for
#include <ssm/backend/cpu/cpu.hpp>
#include <ssm/ssm.hpp>

// A policy like the stock ones, which no backend knows.
struct backwards {
    friend bool operator==(const backwards&, const backwards&) = default;
};

struct variant : ssm::mamba_arch {
    using scan = backwards;
};

template class ssm::mamba_mixer<ssm::cpu, variant>;
