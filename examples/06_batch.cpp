// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

// Four prompts share each pass over the weights. They join one by one, end when they are done, and each gets the text it
// would get alone.
#include <ssm/backend/cpu/cpu.hpp>
#include <ssm/io/checkpoint.hpp>
#include <ssm/ssm.hpp>
#include <ssm/text/tokenizer.hpp>

#include <cstdio>
#include <map>
#include <string>

struct request {
    std::string prompt = {};
    std::size_t tokens = 0;  // to write
    ssm::sampler sampler{{.temperature = 0.9, .top_k = 20, .seed = 5}};
    std::vector<ssm::token_id> text = {};
};

int main(int argc, char** argv) {
    try {
        const std::string folder = argc > 1 ? argv[1] : "models/fairy-tiny";
        const auto words = ssm::tokenizer::from_folder(folder);
        const ssm::cpu device{{.threads = 2}};
        const auto model = ssm::load<ssm::falcon_mamba<ssm::cpu>>(ssm::hf_checkpoint::open(folder), device);

        std::vector<request> coming{{"Once upon a time", 20}, {"The wolf", 8}, {"A king had", 12}, {"One day", 30}};
        ssm::batch batch(model, 2);  // two at a time; more wait
        std::map<ssm::index, request> running;
        while (!coming.empty() || batch.size() > 0) {
            if (!coming.empty()) {
                running.emplace(batch.join(words.encode(coming.back().prompt)), coming.back());
                coming.pop_back();
            }
            batch.step();
            for (const ssm::index row : batch.ready()) {
                request& r = running.at(row);
                r.text.push_back(batch.next(row, r.sampler));
                if (r.text.size() < r.tokens) continue;
                std::printf("%s%s\n", r.prompt.c_str(), words.decode(r.text).c_str());
                batch.remove(row);
            }
        }

        int different = 0;
        for (const auto& [row, r] : running) {
            ssm::session alone{model};
            alone.prefill(words.encode(r.prompt));
            ssm::sampler sampler = request{}.sampler;
            for (const ssm::token_id id : r.text) different += alone.next(sampler) != id;
        }
        std::printf("tokens that differ from those it writes alone: %d\n", different);
        return different;
    } catch (const ssm::error& error) {
        return std::fprintf(stderr, "%s\n", error.what());
    }
}
