// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/backend/cpu/cpu.hpp>
#include <ssm/io/checkpoint.hpp>

#include "gpu/reading.hpp"

namespace ssm::test {

template <class Arch>
outcome read_on_cpu(const random_weights& weights, const std::vector<token_id>& ids) {
    const cpu host{{.threads = 2}};
    return read(load<model<cpu, Arch>>(weights, host), ids, 512);
}
template outcome read_on_cpu<falcon_mamba_arch>(const random_weights&, const std::vector<token_id>&);
template outcome read_on_cpu<ring_arch>(const random_weights&, const std::vector<token_id>&);
template outcome read_on_cpu<parallel_arch>(const random_weights&, const std::vector<token_id>&);
template outcome read_on_cpu<learned_arch>(const random_weights&, const std::vector<token_id>&);
template outcome read_on_cpu<held_arch>(const random_weights&, const std::vector<token_id>&);

std::vector<token_id> tiny_model_on_cpu(const std::vector<token_id>& prompt, int tokens) {
    const auto checkpoint = hf_checkpoint::open(SSM_SOURCE_DIR "/models/fairy-tiny");
    const cpu host{{.threads = 2}};
    return continue_greedily(load<falcon_mamba<cpu>>(checkpoint, host), prompt, tokens);
}

std::vector<std::byte> saved_on_cpu(const random_weights& weights, const std::vector<token_id>& ids) {
    const cpu host;
    session session{load<falcon_mamba<cpu>>(weights, host)};
    session.prefill(ids);
    return to_bytes(session.model(), session.snapshot());
}
outcome resumed_on_cpu(const random_weights& weights, std::span<const std::byte> snapshot,
                       const std::vector<token_id>& more) {
    const cpu host;
    return resumed(load<falcon_mamba<cpu>>(weights, host), snapshot, more);
}

}  // namespace ssm::test
