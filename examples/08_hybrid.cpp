// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

// Layers of two kinds that take turns, and the promises that every model is held to, checked for this one.
#include <ssm/backend/cpu/cpu.hpp>
#include <ssm/ssm.hpp>
#include <ssm/testing/properties.hpp>

#include <cstdio>

#include "untrained.hpp"

struct turns : ssm::hybrid_arch<ssm::mamba_arch, ssm::mamba_arch, ssm::mamba2_arch> {
    static constexpr std::string_view model_type = "turns";
};

int main() {
    ssm::model_config config;
    config.hidden = 32;
    config.inner = 64;
    config.state = 16;
    config.conv = 4;
    config.dt_rank = 2;
    config.heads = 8;
    config.groups = 2;
    config.layers = 6;  // the pattern twice
    config.vocab = 100;
    config.conv_bias = false;
    config.tied_head = true;
    config.model_type = "turns";

    untrained weights(config);
    weights.add("backbone.embeddings.weight", {100, 32}, -1, 1);
    weights.add("backbone.norm_f.weight", {32}, 1, 1);
    for (int i = 0; i < 6; ++i) {
        const std::string layer = "backbone.layers." + std::to_string(i) + ".", mixer = layer + "mixer.";
        const bool is_mamba2 = i % 3 == 2;
        weights.add(layer + "norm.weight", {32}, 1, 1);
        weights.add(mixer + "in_proj.weight", {is_mamba2 ? 2 * 64 + 2 * 2 * 16 + 8 : 2 * 64, 32}, -0.2F, 0.2F);
        weights.add(mixer + "conv1d.weight", {is_mamba2 ? 64 + 2 * 2 * 16 : 64, 1, 4}, -0.5F, 0.5F);
        weights.add(mixer + "x_proj.weight", {2 + 2 * 16, 64}, -0.2F, 0.2F);  // Mamba-1
        weights.add(mixer + "dt_proj.weight", {64, 2}, -0.5F, 0.5F);          // Mamba-1
        weights.add(mixer + "dt_proj.bias", {64}, -4, 0);                     // Mamba-1
        weights.add(mixer + "dt_bias", {8}, -4, 0);                           // Mamba-2
        weights.add(mixer + "norm.weight", {64}, 1, 1);                       // Mamba-2
        weights.add(mixer + "A_log", is_mamba2 ? std::vector<ssm::index>{8} : std::vector<ssm::index>{64, 16}, 0, 2);
        weights.add(mixer + "D", {is_mamba2 ? 8 : 64}, -1, 1);
        weights.add(mixer + "out_proj.weight", {32, 64}, -0.2F, 0.2F);
    }
    const ssm::cpu device{{.threads = 2}};
    const auto model = ssm::load<ssm::model<ssm::cpu, turns>>(weights, device);

    const std::vector<ssm::token_id> prompt{3, 14, 15, 92, 65, 35, 89, 79, 32, 38};
    const std::string found = ssm::testing::chunk_invariance(model, prompt) + ssm::testing::exact_rewind(model, prompt);
    std::printf("%td bytes of state; %s\n", model.start_state().bytes(),
                found.empty() ? "all promises kept" : found.c_str());
    return found.empty() ? 0 : 1;
}
