// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

// A story is read once; then it is forked, taken back, saved to a file, and gone on with from there.
#include <ssm/backend/cpu/cpu.hpp>
#include <ssm/io/checkpoint.hpp>
#include <ssm/io/replace_file.hpp>
#include <ssm/ssm.hpp>
#include <ssm/text/tokenizer.hpp>

#include <cstdio>
#include <filesystem>
#include <string>

using session = ssm::session<ssm::falcon_mamba<ssm::cpu>>;

// What a session writes next.
std::string tell(session& from, const ssm::tokenizer& words, std::uint64_t seed) {
    ssm::sampler sampler({.temperature = 0.9, .top_k = 20, .seed = seed});
    std::vector<ssm::token_id> ids;
    for (int i = 0; i < 16; ++i) ids.push_back(from.next(sampler));
    return words.decode(ids);
}

int main(int argc, char** argv) {
    try {
        const std::string folder = argc > 1 ? argv[1] : "models/fairy-tiny";
        const auto words = ssm::tokenizer::from_folder(folder);
        const ssm::cpu device{{.threads = 2}};
        const auto model = ssm::load<ssm::falcon_mamba<ssm::cpu>>(ssm::hf_checkpoint::open(folder), device);

        session story(model, ssm::session_options{.rewind = 32});
        story.prefill(words.encode("Once upon a time there was a"));
        session fork = story;  // a copy goes its own way
        std::printf("fork:  %s\n", tell(fork, words, 1).c_str());

        const ssm::index before = story.position();
        const std::string said = tell(story, words, 2);
        story.rewind_to(before);  // to the bit, as if nothing had been said
        const bool same = tell(story, words, 2) == said;
        std::printf("story: %s (said twice: %s)\n", said.c_str(), same ? "the same" : "another");

        const auto file = std::filesystem::temp_directory_path() / "story.state";
        ssm::replace_file(file, ssm::to_bytes(model, story.snapshot()));
        const auto saved = ssm::open_file(file, ssm::access::read);
        session resumed(model, ssm::from_bytes(model, saved.bytes, file.string()));
        const bool resumes = tell(resumed, words, 4) == tell(story, words, 4);
        std::printf("%zu bytes after %td tokens, gone on from as %s\n", saved.bytes.size(), story.position(),
                    resumes ? "it would have" : "another");
        return same && resumes ? 0 : 1;
    } catch (const ssm::error& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
