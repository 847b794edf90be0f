// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

// How fast a model reads a prompt and writes text, beside what this machine can do at best.
#include <ssm/generate/generate.hpp>
#include <ssm/io/checkpoint.hpp>
#include <ssm/io/synthetic_checkpoint.hpp>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "console.hpp"
#include "device_model.hpp"
#include "exit_status.hpp"
#include "measurement.hpp"
#include "options.hpp"

namespace {

using namespace ssm::tools;
using ssm::index;

struct settings {
    std::string folder;
    std::string synthetic;
    device_kind device = device_kind::cpu;
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
    "does not count. The limits are measured before and after every repeat, and its share is of their mean. On the "
    "CPU,\n"
    "on as many threads: a loop that reads memory, and multiply-adds on registers, of bytes for q8 and q4 where the\n"
    "machine has them. On CUDA: a copy, counting bytes read and written, and a square product in the type of the\n"
    "weights, which is that of activations there.\n";

/// Throws CLI::ParseError.
settings parse(CLI::App& app, int argc, char** argv) {
    settings s;
    const CLI::Range positive(1, 1'000'000'000);
    app.footer(notes);
    auto* const folder = app.add_option("model", s.folder, "Folder with config.json and *.safetensors");
    app.add_option("--synthetic", s.synthetic, "Random weights in memory, in the shape of a published model, instead")
        ->check(CLI::IsMember({"130m", "370m", "790m", "1.4b", "2.8b", "mamba2-130m", "mamba2-370m", "mamba2-780m",
                               "mamba2-1.3b", "mamba2-2.7b", "7b", "h768", "h2048"}))
        ->excludes(folder);
    app.add_option("--prompt", s.prompt, "Tokens to read")->check(positive)->capture_default_str();
    app.add_option("--decode", s.decode, "Tokens to write")->check(positive)->capture_default_str();
    app.add_option("--repeat", s.repeat, "How often")->check(positive)->capture_default_str();
    auto* const threads = app.add_option("--threads", s.threads, "Numbers of threads on the CPU, such as 1,2,8")
                              ->delimiter(',')
                              ->allow_extra_args(false)
                              ->capture_default_str();
    add_device_option(app, s.device);
    add_prefill_option(app, s.chunk);
    add_dtype_option(app, s.type,
                     "Keep weight matrices as f32, bf16, f16, q8 or q4; as stored, or bf16 if synthetic, unless given");
    auto* const narrow =
        app.add_flag("--narrow", s.narrow, "Let products with bf16 weights round their inputs to bf16");
    app.add_option("--format", s.format, "table, csv or json")
        ->check(CLI::IsMember({"table", "csv", "json"}))
        ->capture_default_str();
    app.add_flag("--unoptimised", s.unoptimised, "Measure although this program was built without optimisation");
    app.parse(argc, argv);
    require_cpu(s.device, *threads);
    require_cpu(s.device, *narrow);
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
    const index shared =
        2 * c.groups * c.state + c.heads;  // of Mamba-2, what in_proj gives for all channels of a head or group
    const index projections = c.inner * (3 * c.hidden + 2 * c.dt_rank) + shared * c.hidden;
    const index x_proj = c.heads > 0 ? 0 : c.inner * 2 * c.state;
    const index taps = (c.inner + 2 * c.groups * c.state) * c.conv;
    const auto weights = static_cast<double>(projections + x_proj + taps);
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

/// Seconds of reading the prompt and of decoding, and the memory that took.
struct pass {
    double prefill = 0;
    double decode = 0;
    index state_bytes = 0;
    index scratch_bytes = 0;
};

pass run_once(const settings& s, const any_model& model, const std::vector<ssm::token_id>& prompt) {
    pass result;
    const auto sequence = model.start({.temperature = 0}, chunk_for(s.chunk, prompt.size()));
    const ssm::stopwatch prefill_time;
    sequence->prefill(prompt, nullptr);
    result.prefill = prefill_time.seconds();
    (void)sequence->next();  // comes from the prompt's logits and runs nothing
    const ssm::stopwatch decode_time;
    for (index t = 0; t < s.decode; ++t) (void)sequence->next();
    result.decode = decode_time.seconds();
    result.state_bytes = sequence->state_bytes();
    result.scratch_bytes = sequence->scratch_bytes();
    return result;
}

/// What the repeats of a phase reached, each beside what the machine did just before and after it: on a shared machine the
/// one moves as much as the other.
struct beside_limits {
    double work;  ///< of a token, in the limit's unit
    std::vector<double> rates = {}, limits = {}, percents = {};

    void add(double rate, double limit) {
        rates.push_back(rate);
        limits.push_back(limit);
        percents.push_back(100 * rate * work / limit);
    }
};

/// The two rows of a model on its device.
void measure(const settings& s, const any_model& model, report& to) {
    const auto prompt = random_prompt(s.prompt, model.config().vocab);
    const auto operations = prefill_flops(model.config());
    const auto bytes = static_cast<double>(to.bytes_per_token);
    beside_limits prefill{operations}, decode{bytes};
    pass last = run_once(s, model, prompt);
    to.state_bytes = last.state_bytes;
    to.peak_device_memory = model.peak_device_memory();
    if (to.rows.empty()) to.peak_memory = static_cast<index>(peak_memory());  // before the limits take memory to read
    device_limits before = model.limits();
    for (int r = 0; r < s.repeat; ++r) {
        last = run_once(s, model, prompt);
        const device_limits after = model.limits();
        prefill.add(static_cast<double>(s.prompt) / last.prefill, (before.operations + after.operations) / 2);
        decode.add(static_cast<double>(s.decode) / last.decode, (before.bytes + after.bytes) / 2);
        before = after;
    }
    const auto row = [&](const char* phase, index tokens, const beside_limits& of, const char* unit) {
        const statistics rate = statistics_of(of.rates);
        to.rows.push_back({phase, model.threads(), tokens, rate, unit, rate.median * of.work * 1e-9,
                           statistics_of(of.limits).median * 1e-9, statistics_of(of.percents).median,
                           last.scratch_bytes});
    };
    row("prefill", s.prompt, prefill, "GFLOP/s");
    row("decode", s.decode, decode, "GB/s");
}

template <class Source>
void run(const settings& s, const Source& source, const std::string& name) {
    const models loaded = load_on(s.device, any_weight_source(source), {.type = s.type}, {s.threads, s.narrow});
    const any_model& first = *loaded.front();
    report result{.model = name, .dtype = std::string(name_of(first.type()))};
    if (!first.threads()) result.device = first.device();
    result.weight_bytes = first.weight_bytes();
    result.bytes_per_token = first.bytes_per_token();
    for (const auto& model : loaded) measure(s, *model, result);
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
    return exit_status(app, [&] {
        run(parse(app, argc, argv));
        return 0;
    });
}
