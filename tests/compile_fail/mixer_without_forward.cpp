// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
// expect: ssm: an arch's mixer needs a constructor (weight_loader&, prefix, config), shape, scratch, bytes and forward
// expect: mixes_time
#include <ssm/backend/cpu/cpu.hpp>
#include <ssm/ssm.hpp>

template <class Backend, class Arch>
struct idle_mixer {
    idle_mixer(ssm::weight_loader<Backend>&, const std::string&, const ssm::model_config&) {}
    static ssm::layer_shape shape(const ssm::model_config&) { return {}; }
    static ssm::index scratch(const ssm::model_config&, ssm::index) { return 0; }
    ssm::index bytes() const { return 0; }
};

struct idle_arch : ssm::mamba_arch {
    template <class Backend, class Arch>
    using mixer = idle_mixer<Backend, Arch>;
};

template class ssm::block<ssm::cpu, idle_arch>;
