// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/backend/cpu/cpu.hpp>
#include <ssm/generate/session.hpp>
#include <ssm/ssm.hpp>

// What the refused programs get wrong one at a time, right.
struct steady {
    using scalar = float;
    ssm::affine<float> transition(ssm::index, ssm::index, ssm::index) const { return {0.5F, 1.0F}; }
    float readout(ssm::index, ssm::index, ssm::index) const { return 1.0F; }
    float skip(ssm::index, ssm::index) const { return 0.0F; }
};

struct variant : ssm::mamba_arch {
    using bcdt_norm = ssm::unit_rms;
    using conv_state = ssm::ring_window;
    using scan = ssm::chunked;
};
using variant_model = ssm::model<ssm::cpu, variant>;

template class ssm::mamba_mixer<ssm::cpu, variant>;
template class ssm::block<ssm::cpu, variant>;

void run(const ssm::cpu& device, ssm::matrix_view<float> h, ssm::matrix_view<float> y) {
    device.scan(ssm::sequential{}, steady{}, h, 1, y);
}

ssm::token_id step(ssm::session<variant_model>& session, std::span<const ssm::token_id> ids) {
    session.prefill(ids, ssm::in_chunks{512});
    return session.next([](std::span<const float> logits) { return static_cast<ssm::token_id>(logits.size() - 1); });
}
