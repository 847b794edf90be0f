// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

// How fast a model reads a prompt and writes text, beside what this machine can do at best.
#include <ssm/backend/cpu/cpu.hpp>
#include <ssm/generate/generate.hpp>
#include <ssm/io/checkpoint.hpp>
#include <ssm/io/synthetic_checkpoint.hpp>
#include <ssm/model/load.hpp>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "architecture.hpp"
#include "console.hpp"
#include "machine_limits.hpp"
#include "measurement.hpp"
#include "options.hpp"

namespace {

using namespace ssm::tools;
using ssm::index;

struct settings {
    std::string folder;
    std::string synthetic;
    index prompt = 512;
    index decode = 128;
    int repeat = 5;
    std::vector<int> threads{1, static_cast<int>(std::max(1U, std::thread::hardware_concurrency()))};
    index chunk = ssm::in_chunks{}.length;
    std::optional<ssm::dtype> type;
    bool narrow = false;
    std::string format = "table";
    bool unoptimised = false;
};

const char* const notes =
    "A repeat reads a prompt of random tokens into a fresh session and then decodes greedily; one more comes first "
    "and\n"
    "does not count. The limits are measured in the same run, on as many threads: a loop that reads memory, and\n"
    "multiply-adds on registers, of bytes for q8 and q4 where the machine has them.\n";

/// Throws CLI::ParseError.
settings parse(CLI::App& app, int argc, char** argv) {
    settings s;
    const CLI::Range positive(1, 1'000'000'000);
    app.footer(notes);
    auto* const folder = app.add_option("model", s.folder, "Folder with config.json and *.safetensors");
    app.add_option("--synthetic", s.synthetic, "Random weights in memory, in the shape of a published model, instead")
        ->check(CLI::IsMember({"130m", "370m", "790m", "1.4b", "2.8b", "7b", "h768", "h2048"}))
        ->excludes(folder);
    app.add_option("--prompt", s.prompt, "Tokens to read")->check(positive)->capture_default_str();
    app.add_option("--decode", s.decode, "Tokens to write")->check(positive)->capture_default_str();
    app.add_option("--repeat", s.repeat, "How often")->check(positive)->capture_default_str();
    app.add_option("--threads", s.threads, "Numbers of threads, such as 1,2,8")
        ->delimiter(',')
        ->allow_extra_args(false)
        ->capture_default_str();
    add_prefill_option(app, s.chunk);
    add_dtype_option(app, s.type,
                     "Keep weight matrices as f32, bf16, f16, q8 or q4; as stored, or bf16 if synthetic, unless given");
    app.add_flag("--narrow", s.narrow, "Let products with bf16 weights round their inputs to bf16");
    app.add_option("--format", s.format, "table, csv or json")
        ->check(CLI::IsMember({"table", "csv", "json"}))
        ->capture_default_str();
    app.add_flag("--unoptimised", s.unoptimised, "Measure although this program was built without optimisation");
    app.parse(argc, argv);
    if (s.folder.empty() && s.synthetic.empty()) throw CLI::RequiredError("a model folder or --synthetic");
    return s;
}

void refuse_debug_build(const settings& s) {
#if !defined(__OPTIMIZE__) || !defined(NDEBUG)
    std::fputs(
        "ssm-bench: WARNING: this program was built for debugging; what it measures says nothing about the library\n",
        stderr);
    if (!s.unoptimised)
        throw ssm::argument_error({"ssm-bench", "build type", "Debug", "Release",
                                   "configure with -DCMAKE_BUILD_TYPE=Release, or ask for --unoptimised figures"});
#else
    (void)s;
#endif
}

/// Floating-point operations of one token in a prompt: products, convolution and scan. The head runs for the last token of
/// a prompt only and is left out.
double prefill_flops(const ssm::model_config& c) {
    const auto weights = static_cast<double>(c.inner * (3 * c.hidden + 2 * c.dt_rank + 2 * c.state + c.conv));
    const auto states = static_cast<double>(c.inner * c.state);
    return static_cast<double>(c.layers) * (2 * weights + 6 * states);
}

std::vector<ssm::token_id> random_prompt(index tokens, index vocab) {
    std::mt19937 random(1);
    std::vector<ssm::token_id> ids;
    for (index t = 0; t < tokens; ++t)
        ids.push_back(static_cast<ssm::token_id>(random() % static_cast<unsigned>(vocab)));
    return ids;
}

/// Seconds of reading the prompt and of decoding, and the scratch that took.
struct pass {
    double prefill = 0;
    double decode = 0;
    index scratch_bytes = 0;
};

template <class Model>
pass run_once(const settings& s, const Model& model, const std::vector<ssm::token_id>& prompt) {
    pass result;
    ssm::session session{model};
    ssm::sampler greedy({.temperature = 0});
    const ssm::stopwatch prefill_time;
    session.prefill(prompt, ssm::in_chunks{s.chunk});
    result.prefill = prefill_time.seconds();
    (void)session.next(greedy);  // comes from the prompt's logits and runs nothing
    const ssm::stopwatch decode_time;
    for (index t = 0; t < s.decode; ++t) (void)session.next(greedy);
    result.decode = decode_time.seconds();
    result.scratch_bytes = session.scratch_bytes();
    return result;
}

/// The two rows of `threads` threads, for matrices of a dtype.
template <class Model>
void measure(const settings& s, const Model& model, ssm::dtype type, report& to) {
    const int threads = model.device().threads();
    const auto prompt = random_prompt(s.prompt, model.config().vocab);
    std::vector<double> prefill, decode;
    pass last = run_once(s, model, prompt);
    for (int r = 0; r < s.repeat; ++r) {
        last = run_once(s, model, prompt);
        prefill.push_back(static_cast<double>(s.prompt) / last.prefill);
        decode.push_back(static_cast<double>(s.decode) / last.decode);
    }
    const auto row = [&](const char* phase, index tokens, const std::vector<double>& rates, const char* unit,
                         double work, double limit) {
        const statistics rate = statistics_of(rates);
        to.rows.push_back(
            {phase, threads, tokens, rate, unit, rate.mean * work * 1e-9, limit * 1e-9, last.scratch_bytes});
    };
    ssm::thread_pool pool(threads);
    row("prefill", s.prompt, prefill, "GFLOP/s", prefill_flops(model.config()),
        multiply_add_rate(pool, type, s.narrow));
    row("decode", s.decode, decode, "GB/s", static_cast<double>(to.bytes_per_token), read_bandwidth(pool));
}

template <class Model, class Source>
report measure_all(const settings& s, const Source& source, const std::string& name) {
    // Loaded once for all numbers of threads.
    const ssm::cpu loading{{.threads = *std::max_element(s.threads.begin(), s.threads.end())}};
    const ssm::load_options options{.type = s.type};
    ssm::weight_loader<ssm::cpu> loader(source, loading, options);
    const auto weights = std::make_shared<const ssm::weights<ssm::cpu, typename Model::arch>>(loader, source.config());

    report result{.model = name, .dtype = std::string(name_of(weights->head.type()))};
    result.weight_bytes = weights->bytes();
    // A token reads all weights; of an embedding that is not the head as well, a row, which is next to nothing.
    const bool tied = weights->head_bytes == 0;
    result.bytes_per_token = result.weight_bytes - (tied ? 0 : weights->embedding.bytes());
    for (const int threads : s.threads) {
        const ssm::cpu device{{.threads = threads, .narrow_inputs = s.narrow}};
        const Model model(weights, device);
        result.state_bytes = model.start_state().bytes();
        measure(s, model, weights->head.type(), result);
    }
    return result;
}

template <class Source>
void run(const settings& s, const Source& source, const std::string& name) {
    const report result = with_model_type(
        source.config(), [&]<class Model>(ssm::type_tag<Model>) { return measure_all<Model>(s, source, name); });
    write_output(s.format == "json" ? json(result) : s.format == "csv" ? csv(result) : table(result));
}

void run(const settings& s) {
    refuse_debug_build(s);
    if (s.synthetic.empty()) return run(s, ssm::hf_checkpoint::open(s.folder), s.folder);
    // Quantized weights come from wider ones, as they do in use.
    const ssm::dtype type = s.type.value_or(ssm::dtype::bf16);
    const ssm::synthetic_checkpoint random(ssm::synthetic_shape(s.synthetic),
                                           ssm::is_quantized(type) ? ssm::dtype::bf16 : type);
    run(s, random, random.describe());
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("Measures how fast a model reads a prompt and writes text.", "ssm-bench");
    try {
        run(parse(app, argc, argv));
        return 0;
    } catch (const CLI::ParseError& error) {
        return report_usage(app, error);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "ssm-bench: %s\n", error.what());
        return 1;
    }
}
