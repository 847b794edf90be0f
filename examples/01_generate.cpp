// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

// Goes on from a prompt with a model in a Hugging Face folder, and writes each token as it comes.
#include <ssm/backend/cpu/cpu.hpp>
#include <ssm/io/checkpoint.hpp>
#include <ssm/ssm.hpp>
#include <ssm/text/stream_decoder.hpp>
#include <ssm/text/tokenizer.hpp>

#include <iostream>
#include <string>

int main(int argc, char** argv) {
    try {
        const std::string folder = argc > 1 ? argv[1] : "models/fairy-tiny";
        const auto checkpoint = ssm::hf_checkpoint::open(folder);
        const auto words = ssm::tokenizer::from_folder(folder);
        const ssm::cpu device{{.threads = 2}};
        const auto model = ssm::load<ssm::falcon_mamba<ssm::cpu>>(checkpoint, device);

        ssm::session session{model};  // a state of fixed size, however long the text
        session.prefill(words.encode(argc > 2 ? argv[2] : "Once upon a time"), ssm::in_chunks{512});

        ssm::stream_decoder decoder(words);  // a character may take several tokens
        ssm::sampler sampler({.temperature = 0.8, .top_k = 40, .seed = 7});
        for (int left = 100; left > 0; --left) {
            const ssm::token_id token = session.next(sampler);
            if (token == words.eos()) break;
            std::cout << decoder.push(token) << std::flush;
        }
        std::cout << "\n";
        return 0;
    } catch (const ssm::error& error) {
        std::cerr << error.what() << "\n";
        return 1;
    }
}
