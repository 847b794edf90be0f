// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

// Mamba-2 from a Hugging Face folder. Its scan runs as a recurrence or, in the arch below, as matrix products over chunks of
// the prompt; a sequence can be read with one and continued with the other.
#include <ssm/backend/cpu/cpu.hpp>
#include <ssm/io/checkpoint.hpp>
#include <ssm/ssm.hpp>

#include <cstdio>

struct dual_arch : ssm::mamba2_arch {
    using scan = ssm::state_space_dual;
};
using recurrent = ssm::mamba2<ssm::cpu>;
using dual = ssm::model<ssm::cpu, dual_arch>;

template <class Model>
std::vector<ssm::token_id> continued(ssm::session<Model> session) {
    std::vector<ssm::token_id> ids;
    ssm::sampler likeliest({.temperature = 0});
    for (int i = 0; i < 16; ++i) ids.push_back(session.next(likeliest));
    return ids;
}

int main(int argc, char** argv) {
    try {
        const auto checkpoint = ssm::hf_checkpoint::open(argc > 1 ? argv[1] : "tests/golden/mamba2-n_groups-2");
        const ssm::cpu device{{.threads = 2}};
        const auto in_order = ssm::load<recurrent>(checkpoint, device);
        const auto in_products = ssm::load<dual>(checkpoint, device);

        std::vector<ssm::token_id> prompt;
        for (ssm::index t = 0; t < 200; ++t)
            prompt.push_back(static_cast<ssm::token_id>(t * t % checkpoint.config().vocab));
        ssm::session by_recurrence{in_order};
        ssm::session by_products{in_products};
        by_recurrence.prefill(prompt);
        by_products.prefill(prompt);

        // The bytes of a snapshot do not say how the scan was run.
        const auto bytes = ssm::to_bytes(in_products, by_products.snapshot());
        const ssm::session handed_over{in_order, ssm::from_bytes(in_order, bytes)};
        const bool agree = continued(by_recurrence) == continued(handed_over);
        for (const ssm::token_id id : continued(handed_over)) std::printf("%d ", static_cast<int>(id));
        std::printf("\nread as products and continued in order, the same text: %s\n", agree ? "yes" : "no");
        return agree ? 0 : 1;
    } catch (const ssm::error& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
