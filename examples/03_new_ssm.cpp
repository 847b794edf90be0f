// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

// A new state-space model from its equations: the mixer of s4d_mixer.hpp becomes a model with every prefill policy.
#include <ssm/backend/cpu/cpu.hpp>
#include <ssm/ssm.hpp>

#include <cstdio>

#include "s4d_mixer.hpp"
#include "untrained.hpp"

struct s4d_arch : ssm::mamba_arch {
    template <class Backend, class Arch>
    using mixer = s4d_mixer<Backend, Arch>;
    static constexpr std::string_view model_type = "s4d";
};

int main() {
    ssm::model_config config;
    config.hidden = 32;
    config.inner = 64;
    config.state = 16;
    config.layers = 2;
    config.vocab = 100;
    config.tied_head = true;
    config.model_type = "s4d";

    untrained weights(config);
    weights.add("backbone.embeddings.weight", {100, 32}, -1, 1);
    weights.add("backbone.norm_f.weight", {32}, 1, 1);
    for (const std::string layer : {"backbone.layers.0.", "backbone.layers.1."}) {
        weights.add(layer + "norm.weight", {32}, 1, 1);
        weights.add(layer + "mixer.in_proj.weight", {128, 32}, -0.2F, 0.2F);
        for (const char* name : {"A_log", "B", "C"}) weights.add(layer + "mixer." + name, {16, 64}, -1, 1);
        weights.add(layer + "mixer.D", {64}, -1, 1);
        weights.add(layer + "mixer.log_dt", {64}, -7, -2);
        weights.add(layer + "mixer.out_proj.weight", {32, 64}, -0.2F, 0.2F);
    }
    ssm::cpu device{{.threads = 2}};
    const auto model = ssm::load<ssm::model<ssm::cpu, s4d_arch>>(weights, device);

    const std::vector<ssm::token_id> prompt{3, 14, 15, 92, 65, 35};
    auto scratch = model.make_workspace(6);
    auto whole = model.start_state(), stepped = model.start_state();
    model.forward(prompt, whole, scratch, {});
    for (const ssm::token_id& id : prompt) model.forward({&id, 1}, stepped, scratch, {});
    std::printf("%td bytes of state after %td tokens; whole prompt = token by token: %s\n", whole.bytes(),
                whole.position(), whole == stepped ? "yes" : "no");
    return whole == stepped ? 0 : 1;
}
