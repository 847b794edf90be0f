// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

// Goes on from a prompt with a model from a Hugging Face folder. Text goes to standard output, all else to standard error.
#include <ssm/generate/generate.hpp>
#include <ssm/io/checkpoint.hpp>
#include <ssm/text/stream_decoder.hpp>
#include <ssm/text/tokenizer.hpp>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "console.hpp"
#include "device_model.hpp"
#include "exit_status.hpp"
#include "interrupt.hpp"
#include "options.hpp"

namespace {

using namespace ssm::tools;
using ssm::index;

/// The command line. What is not given comes from the model's generation_config.json.
struct settings {
    std::string folder;
    device_kind device = device_kind::cpu;
    std::optional<std::string> prompt;
    std::optional<std::string> file;
    index tokens = 256;
    std::optional<double> repetition_penalty, temperature, top_p, min_p;
    std::optional<index> top_k;
    std::optional<std::uint64_t> seed;
    int threads = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
    index chunk = ssm::in_chunks{}.length;
    std::optional<ssm::dtype> type;
    std::vector<std::string> stop;
    bool ignore_eos = false, parse_special = false, quiet = false;
};

const char* const notes =
    "The prompt is taken as it is, byte for byte, and only what comes after it is written. Options of sampling that "
    "are\n"
    "not given come from the model's generation_config.json; where that does not sample, the most likely token is "
    "taken.\n"
    "Generation ends at the end-of-text tokens of config.json, generation_config.json and the tokenizer.\n"
    "\n"
    "On CUDA, tokens are drawn on the GPU: a seed gives other tokens there than on the CPU, but the same ones every\n"
    "time. With a repetition penalty they are chosen on the CPU, from logits that are copied there. Activations have\n"
    "the type of the weights. The peak of device memory counts what was taken for weights, state and scratch, and\n"
    "not what the CUDA runtime has for itself.\n"
    "\n"
    "Exit status: 0 when all went well, 1 for an error, 2 for a wrong command line, 130 after Ctrl-C, which ends\n"
    "generation after the current token.\n";

/// Throws CLI::ParseError.
settings parse(CLI::App& app, int argc, char** argv) {
    settings s;
    app.footer(notes);
    app.set_version_flag("--version", std::to_string(SSM_VERSION_MAJOR) + "." + std::to_string(SSM_VERSION_MINOR) +
                                          "." + std::to_string(SSM_VERSION_PATCH));
    app.add_option("model", s.folder, "Folder with config.json, tokenizer.json and *.safetensors")->required();
    auto* const prompt = app.add_option("prompt", s.prompt, "The text to go on from; - reads standard input");
    app.add_option("-f,--file", s.file, "Read the prompt from a file; - is standard input")->excludes(prompt);
    app.add_option("-n,--tokens", s.tokens, "Most tokens to generate")->capture_default_str();
    app.add_option("-t,--temperature", s.temperature, "Divides the logits; 0 takes the most likely token");
    app.add_option("--top-k", s.top_k, "Only this many of the most likely tokens; 0 is all");
    app.add_option("--top-p", s.top_p, "Only the most likely tokens that together have this probability");
    app.add_option("--min-p", s.min_p, "Only tokens this many times as likely as the most likely one");
    app.add_option("--repetition-penalty", s.repetition_penalty, "Makes tokens seen before less likely; 1 is off");
    app.add_option("--seed", s.seed, "Of the random draws; another one every time unless given");
    auto* const threads =
        app.add_option("-j,--threads", s.threads, "Threads to compute with on the CPU")->capture_default_str();
    add_device_option(app, s.device);
    add_prefill_option(app, s.chunk);
    add_dtype_option(app, s.type, "Keep weight matrices as f32, bf16, f16, q8 or q4; as stored unless given");
    app.add_option("--stop", s.stop, "Text that ends the generation and is left out; may be repeated")
        ->allow_extra_args(false);
    app.add_flag("--ignore-eos", s.ignore_eos, "Go on past the end-of-text token");
    app.add_flag("--parse-special", s.parse_special, "Read special tokens such as <|endoftext|> in the prompt");
    app.add_flag("-q,--quiet", s.quiet, "No progress and no timings");
    app.parse(argc, argv);
    require_cpu(s.device, *threads);
    if (!s.prompt && !s.file) throw CLI::RequiredError("a prompt, --file or - for standard input");
    return s;
}

std::string read_prompt(const settings& s) {
    if (!s.file && *s.prompt != "-") return *s.prompt;
    const std::string source = s.file.value_or("-");
    std::FILE* const file = source == "-" ? stdin : std::fopen(source.c_str(), "rb");
    std::string text;
    if (file != nullptr) {
        char block[65536];
        while (const std::size_t count = std::fread(block, 1, sizeof block, file)) text.append(block, count);
    }
    if (file == nullptr || std::ferror(file) != 0)
        throw ssm::io_error({source == "-" ? "standard input" : source, std::strerror(errno), {}, {}, {}});
    if (file != stdin) std::fclose(file);
    return text;
}

ssm::sampling_options sampling(const settings& s, const ssm::generation_config& defaults) {
    ssm::sampling_options options;
    const bool samples = defaults.do_sample || s.top_k || s.top_p || s.min_p;
    options.temperature = s.temperature.value_or(samples ? defaults.temperature : 0);
    options.top_k = s.top_k.value_or(defaults.top_k);
    options.top_p = s.top_p.value_or(defaults.top_p);
    options.min_p = s.min_p.value_or(defaults.min_p);
    options.repetition_penalty = s.repetition_penalty.value_or(defaults.repetition_penalty);
    options.seed = s.seed ? *s.seed : std::random_device{}();
    return ssm::validated(options);
}

const char* text_of(ssm::stop_reason reason) {
    switch (reason) {
        case ssm::stop_reason::eos: return "end of text";
        case ssm::stop_reason::stop_string: return "stop string";
        case ssm::stop_reason::length: return "length";
        case ssm::stop_reason::callback: return "interrupt";
    }
    return "";
}

/// The end-of-text tokens of config.json, generation_config.json and the tokenizer.
std::vector<ssm::token_id> end_of_text(const ssm::hf_checkpoint& checkpoint, const ssm::tokenizer& words) {
    std::vector<ssm::token_id> ids = checkpoint.eos_ids();
    if (words.eos()) ids.push_back(*words.eos());
    return ids;
}

void print_timings(const any_model& model, const any_sequence& sequence, std::size_t prompt_tokens, double load_seconds,
                   const ssm::generation& result, std::uint64_t seed) {
    const auto size = [](index bytes) { return bytes_text(static_cast<double>(bytes)); };
    const auto per_second = [](std::size_t count, double seconds) {
        return static_cast<double>(count) / std::max(seconds, 1e-9);
    };
    std::fprintf(stderr, "\nload    %8.2f s   %s of weights, %s\n", load_seconds, size(model.weight_bytes()).c_str(),
                 model.device().c_str());
    std::fprintf(stderr, "prefill %8.2f s   %zu tokens, %.1f tokens/s\n", result.prefill_seconds, prompt_tokens,
                 per_second(prompt_tokens, result.prefill_seconds));
    // The first token comes from the prompt's logits.
    std::fprintf(stderr, "decode  %8.2f s   %zu tokens, %.1f tokens/s, ended by %s\n", result.decode_seconds,
                 result.ids.size(), per_second(result.ids.size() - 1, result.decode_seconds), text_of(result.reason));
    std::fprintf(stderr, "state %s, scratch %s, peak memory %s", size(sequence.state_bytes()).c_str(),
                 size(sequence.scratch_bytes()).c_str(), bytes_text(peak_memory()).c_str());
    if (const auto peak = model.peak_device_memory())
        std::fprintf(stderr, ", device memory peak %s", size(*peak).c_str());
    std::fprintf(stderr, ", seed %llu\n", static_cast<unsigned long long>(seed));
}

models load(const settings& s, const ssm::hf_checkpoint& checkpoint) {
    progress_bar bar(!s.quiet, "loading");
    const ssm::load_options options{.type = s.type, .progress = [&](const ssm::load_progress& now) {
                                        bar.show(now.bytes, checkpoint.bytes());
                                        return !interrupted();
                                    }};
    return load_on(s.device, any_weight_source(checkpoint), options, {.threads = {s.threads}});
}

/// Loads the model and generates; returns the exit status.
int run(const settings& s, const ssm::hf_checkpoint& checkpoint, const ssm::tokenizer& words, const std::string& text,
        ssm::generation_options options, const ssm::stopwatch& load_time) {
    const models loaded = load(s, checkpoint);
    const any_model& model = *loaded.front();
    const double load_seconds = load_time.seconds();
    const auto prompt = words.encode(text, {.parse_special = s.parse_special, .add_special = true});

    std::optional<progress_bar> bar(std::in_place, !s.quiet, "prompt");
    options.on_prefill = [&](index done, index total) {
        bar->show(done, total);
        if (done == total) bar.reset();
        return !interrupted();
    };
    const auto sequence = model.start(options.sampling, chunk_for(s.chunk, prompt.size()));
    constexpr bool skip_special = true;
    std::size_t written = 0;
    const auto result = ssm::generate(*sequence, ssm::stream_decoder(words, skip_special), prompt, options,
                                      [&](std::string_view piece) {
                                          write_output(piece);
                                          written += piece.size();
                                          return !interrupted();
                                      });
    write_output(std::string_view(result.text).substr(written));
    write_output("\n");
    if (!s.quiet) print_timings(model, *sequence, prompt.size(), load_seconds, result, options.sampling.seed);
    return interrupted() ? interrupted_status : 0;
}

int run(const settings& s) {
    const std::string text = read_prompt(s);
    catch_interrupts();
    const ssm::stopwatch load_time;
    const auto checkpoint = ssm::hf_checkpoint::open(s.folder);
    const auto words = ssm::tokenizer::from_folder(s.folder);
    ssm::generation_options options;
    options.tokens = s.tokens;
    options.sampling = sampling(s, checkpoint.generation());
    options.stop_strings = s.stop;
    if (!s.ignore_eos) options.stop_ids = end_of_text(checkpoint, words);
    return run(s, checkpoint, words, text, options, load_time);
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("Goes on from a prompt with a Falcon Mamba, Mamba or Mamba-2 model.", "ssm-generate");
    return exit_status(app, [&] { return run(parse(app, argc, argv)); });
}
