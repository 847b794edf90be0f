// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/backend/cpu/cpu.hpp>
#include <ssm/io/checkpoint.hpp>
#include <ssm/ssm.hpp>
#include <ssm/text/tokenizer.hpp>

#include <cstdio>

// One token from the checkpoint in the folder given.
int main(int argc, char** argv) {
    if (argc != 2) return 2;
    try {
        const auto checkpoint = ssm::hf_checkpoint::open(argv[1]);
        const auto words = ssm::tokenizer::from_folder(argv[1]);
        const ssm::cpu device{{.threads = 1}};
        ssm::session sequence(ssm::load<ssm::falcon_mamba<ssm::cpu>>(checkpoint, device));
        sequence.prefill(words.encode("Once upon a"));
        const ssm::token_id next = sequence.next(ssm::sampler({.temperature = 0}));
        std::printf("%s\n", words.decode({&next, 1}).c_str());
        return 0;
    } catch (const ssm::error& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
