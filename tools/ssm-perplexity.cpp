// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

// How well a model predicts a text, and what a narrower dtype changes about its predictions.
#include <ssm/backend/cpu/cpu.hpp>
#include <ssm/io/checkpoint.hpp>
#include <ssm/model/load.hpp>
#include <ssm/text/tokenizer.hpp>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "console.hpp"
#include "exit_status.hpp"
#include "interrupt.hpp"
#include "likelihood.hpp"
#include "options.hpp"
#include "typed_model.hpp"

namespace {

using namespace ssm::tools;
using ssm::index;
using ssm::token_id;

struct settings {
    std::string folder;
    std::string file;
    std::optional<ssm::dtype> type;
    bool alone = false;
    index window = 1024;
    std::optional<index> stride;
    int threads = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
    bool quiet = false;
};

const char* const notes =
    "The text is read in windows, each from an empty state; a window begins a stride after the one before it and "
    "counts\n"
    "only the tokens that are new in it, so that with a stride of half a window every token but the first ones has at\n"
    "least half a window before it. The first token of a text is not predicted. Errors are standard errors of the "
    "mean.\n"
    "Against the same checkpoint in f32, unless --alone: the mean Kullback-Leibler divergence from it in nats, and "
    "how\n"
    "often both find the same token the most likely one.\n";

/// Throws CLI::ParseError.
settings parse(CLI::App& app, int argc, char** argv) {
    settings s;
    app.footer(notes);
    const CLI::Range from_two(2, 1'000'000'000);
    app.add_option("model", s.folder, "Folder with config.json, tokenizer.json and *.safetensors")->required();
    app.add_option("text", s.file, "The text, in UTF-8")->required();
    add_dtype_option(app, s.type, "Keep weight matrices as f32, bf16, f16, q8 or q4; as stored unless given");
    app.add_flag("--alone", s.alone, "No comparison with f32, which takes its own memory");
    app.add_option("--window", s.window, "Tokens of a window")->check(from_two)->capture_default_str();
    app.add_option("--stride", s.stride, "Tokens from window to window; a window unless given")
        ->check(CLI::Range(1, 1'000'000'000));
    app.add_option("-j,--threads", s.threads, "Threads to compute with")->capture_default_str();
    app.add_flag("-q,--quiet", s.quiet, "No progress");
    app.parse(argc, argv);
    if (s.stride && *s.stride > s.window)
        throw CLI::ValidationError("--stride", "found " + std::to_string(*s.stride) + ", expected at most the window");
    return s;
}

/// A model that reads windows piece by piece.
template <class Model>
class reader {
public:
    static constexpr index piece = 128;

    explicit reader(Model model)
        : model_(std::move(model)),
          scratch_(model_.make_workspace(piece)),
          state_(model_.start_state()),
          logits_(static_cast<std::size_t>(piece * model_.config().vocab)) {}

    void restart() { state_ = model_.start_state(); }

    /// The logits after each of at most `piece` tokens.
    std::span<const float> read(std::span<const token_id> ids) {
        const index vocab = model_.config().vocab;
        const auto rows = static_cast<index>(ids.size());
        model_.forward(ids, state_, scratch_, ssm::matrix_view<float>(logits_.data(), rows, vocab));
        return {logits_.data(), static_cast<std::size_t>(rows * vocab)};
    }

private:
    Model model_;
    typename Model::workspace_type scratch_;
    typename Model::state_type state_;
    std::vector<float> logits_;
};

struct findings {
    running_mean surprise, reference_surprise, divergence, agreement;
};

/// Adds what is predicted of `ids` from token `first` on.
template <class Model>
void read_window(std::span<const token_id> ids, std::size_t first, reader<Model>& model,
                 std::optional<reader<Model>>& reference, findings& found) {
    model.restart();
    if (reference) reference->restart();
    constexpr auto piece = static_cast<std::size_t>(reader<Model>::piece);
    for (std::size_t begin = 0; begin + 1 < ids.size(); begin += piece) {
        const auto part = ids.subspan(begin, std::min(piece, ids.size() - 1 - begin));
        const auto logits = model.read(part);
        const auto exact = reference ? reference->read(part) : std::span<const float>();
        const std::size_t vocab = logits.size() / part.size();
        for (std::size_t i = 0; i < part.size(); ++i) {
            const std::size_t next = begin + i + 1;
            if (next < first) continue;
            const auto row = logits.subspan(i * vocab, vocab);
            const auto token = static_cast<std::size_t>(ids[next]);
            found.surprise.add(surprise(row, token));
            if (!reference) continue;
            const auto exact_row = exact.subspan(i * vocab, vocab);
            found.reference_surprise.add(surprise(exact_row, token));
            found.divergence.add(divergence(exact_row, row));
            found.agreement.add(likeliest(exact_row) == likeliest(row) ? 1 : 0);
        }
    }
}

template <class Model>
findings read_text(const settings& s, const ssm::hf_checkpoint& checkpoint, std::span<const token_id> ids) {
    const ssm::cpu device{{.threads = s.threads}};
    const auto load = [&](std::optional<ssm::dtype> type) {
        return ssm::load<Model>(checkpoint, device, {.type = type});
    };
    reader<Model> model(load(s.type));
    std::optional<reader<Model>> reference;
    if (!s.alone) reference.emplace(load(ssm::dtype::f32));

    findings found;
    progress_bar bar(!s.quiet, "reading");
    const auto window = static_cast<std::size_t>(s.window);
    const auto stride = static_cast<std::size_t>(s.stride.value_or(s.window));
    for (std::size_t begin = 0, known = 1; begin + 1 < ids.size(); begin += stride) {
        if (interrupted()) throw ssm::cancelled({s.file, {}, "an interrupt", {}, {}});
        const auto part = ids.subspan(begin, std::min(window, ids.size() - begin));
        // What the window before has counted is not new here; a window's first token has nothing before it.
        read_window(part, std::max<std::size_t>(1, known - begin), model, reference, found);
        known = begin + part.size();
        bar.show(static_cast<index>(known), static_cast<index>(ids.size()));
        if (known == ids.size()) break;
    }
    return found;
}

void print_perplexity(const char* label, const running_mean& surprise) {
    const double perplexity = std::exp(surprise.mean());
    std::printf("%-12s perplexity %.4f +- %.4f, %.5f +- %.5f nats a token\n", label, perplexity,
                perplexity * surprise.error(), surprise.mean(), surprise.error());
}

void run(const settings& s) {
    catch_interrupts();
    const auto checkpoint = ssm::hf_checkpoint::open(s.folder);
    const auto words = ssm::tokenizer::from_folder(s.folder);
    const auto ids = words.encode(ssm::read_text_file(s.file));
    if (ids.size() < 2)
        throw ssm::argument_error({s.file, {}, std::to_string(ids.size()) + " tokens", "at least 2", {}});
    const findings found = with_arch(checkpoint.config(), [&]<class Arch>(ssm::type_tag<Arch>) {
        return read_text<ssm::model<ssm::cpu, Arch>>(s, checkpoint, ids);
    });
    std::printf("%zu tokens, %td of them predicted, windows of %td, strides of %td\n", ids.size(),
                found.surprise.count(), s.window, s.stride.value_or(s.window));
    print_perplexity(s.type ? std::string(name_of(*s.type)).c_str() : "as stored", found.surprise);
    if (s.alone) return;
    print_perplexity("f32", found.reference_surprise);
    std::printf("divergence   %.6f +- %.6f nats a token\n", found.divergence.mean(), found.divergence.error());
    std::printf("agreement    %.3f +- %.3f %% on the most likely token\n", 100 * found.agreement.mean(),
                100 * found.agreement.error());
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("Measures how well a model predicts a text, and how a dtype changes that.", "ssm-perplexity");
    return exit_status(app, [&] {
        run(parse(app, argc, argv));
        write_output("");
        return 0;
    });
}
