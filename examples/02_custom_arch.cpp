// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

// A variant by overriding names: Falcon Mamba whose norms on dt, B and C carry a learned gain, as in Jamba. It starts from
// a Falcon Mamba checkpoint with gains of one, so that before any training it computes the very same function.
#include <ssm/backend/cpu/cpu.hpp>
#include <ssm/io/checkpoint.hpp>
#include <ssm/ssm.hpp>

#include <cstdio>

struct gained_arch : ssm::falcon_mamba_arch {
    using bcdt_norm = ssm::learned_rms;
    using conv_state = ssm::ring_window;
};

// A weight source that lays gains of one over a checkpoint.
struct with_gains {
    const ssm::hf_checkpoint& checkpoint;
    std::vector<float> ones = std::vector<float>(static_cast<std::size_t>(checkpoint.config().inner), 1.0F);

    const ssm::model_config& config() const { return checkpoint.config(); }
    std::string describe() const { return checkpoint.describe(); }
    std::optional<ssm::stored_tensor> find(std::string_view name) const {
        if (!name.ends_with("_layernorm.weight")) return checkpoint.find(name);
        const ssm::index size = name.ends_with("dt_layernorm.weight") ? config().dt_rank : config().state;
        const auto bytes = std::as_bytes(std::span(ones).first(static_cast<std::size_t>(size)));
        return ssm::stored_tensor{std::string(name), ssm::dtype::f32, {size}, bytes, nullptr};
    }
};

template <class Model, class Source>
std::vector<float> logits(const Source& weights, const ssm::cpu& device) {
    const auto model = ssm::load<Model>(weights, device);
    const std::vector<ssm::token_id> prompt{3, 14, 15, 92, 65, 35};
    std::vector<float> last(static_cast<std::size_t>(model.config().vocab));
    auto state = model.start_state();
    auto scratch = model.make_workspace(6);
    model.forward(prompt, state, scratch, ssm::matrix_view<float>(last.data(), 1, model.config().vocab));
    return last;
}

int main(int argc, char** argv) {
    try {
        const auto checkpoint = ssm::hf_checkpoint::open(argc > 1 ? argv[1] : "models/fairy-tiny");
        const ssm::cpu device{{.threads = 2}};
        const auto plain = logits<ssm::falcon_mamba<ssm::cpu>>(checkpoint, device);
        const auto gained = logits<ssm::model<ssm::cpu, gained_arch>>(with_gains{checkpoint}, device);
        std::printf("gains of one change nothing: %s\n", plain == gained ? "yes" : "no");
        return plain == gained ? 0 : 1;
    } catch (const ssm::error& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
