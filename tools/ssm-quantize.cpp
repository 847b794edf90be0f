// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

// Writes a checkpoint whose weight matrices are quantized: a folder like the one it comes from, smaller and loaded alike.
#include <ssm/io/checkpoint.hpp>
#include <ssm/io/safetensors_writer.hpp>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "console.hpp"
#include "exit_status.hpp"
#include "interrupt.hpp"
#include "options.hpp"
#include "quantization.hpp"

namespace {

using namespace ssm::tools;
using ssm::index;

struct settings {
    std::string from;
    std::string to;
    std::optional<ssm::dtype> type;
    bool quiet = false;
};

const char* const notes =
    "Embedding, head and the four projections of every layer are quantized, 32 weights a scale: q8 takes 8.5 bits a\n"
    "weight, q4 4.5. All other tensors are copied as they are, and so are the configuration and the tokenizer.\n"
    "What it costs a model is measured by ssm-perplexity.\n";

/// Throws CLI::ParseError.
settings parse(CLI::App& app, int argc, char** argv) {
    settings s;
    app.footer(notes);
    app.add_option("model", s.from, "Folder with config.json and *.safetensors")->required();
    app.add_option("output", s.to, "Folder to write to, made when it is not there")->required();
    app.add_option_function<std::string>(
           "--dtype", [&s](const std::string& name) { s.type = name == "q4" ? ssm::dtype::q4 : ssm::dtype::q8; },
           "What to quantize to")
        ->check(CLI::IsMember({"q8", "q4"}))
        ->type_name("q8|q4")
        ->required();
    app.add_flag("-q,--quiet", s.quiet, "No progress and no report");
    app.parse(argc, argv);
    return s;
}

ssm::tensor_to_write tensor_from(const ssm::hf_checkpoint& checkpoint, const std::string& name, ssm::dtype type) {
    const ssm::stored_tensor tensor = *checkpoint.find(name);
    if (is_quantized(tensor.type))
        throw ssm::format_error({checkpoint.describe(), "tensor " + name, "dtype " + std::string(name_of(tensor.type)),
                                 "f32, bf16 or f16", "quantize the checkpoint that this one was made from"});
    if (is_weight_matrix(name) && tensor.shape.size() == 2)
        return {name, type, tensor.shape, [tensor, type, source = checkpoint.describe()] {
                    return ssm::with_block_type(
                        type, [&]<class B>(ssm::type_tag<B>) { return quantized_bytes<B>(tensor, source); });
                }};
    return {name, tensor.type, tensor.shape,
            [tensor] { return std::vector<std::byte>(tensor.bytes.begin(), tensor.bytes.end()); }};
}

/// Makes the folder, with the files that are not weights in it.
void copy_other_files(const std::filesystem::path& from, const std::filesystem::path& to) {
    std::error_code problem;
    std::filesystem::create_directories(to, problem);
    if (problem) throw ssm::io_error({to.string(), "cannot be made: " + problem.message(), {}, {}, {}});
    for (const char* name : {"config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json",
                             "special_tokens_map.json"}) {
        if (!std::filesystem::exists(from / name, problem)) continue;
        std::filesystem::copy_file(from / name, to / name, problem);
        if (problem) throw ssm::io_error({(to / name).string(), "cannot be copied: " + problem.message(), {}, {}, {}});
    }
}

void run(const settings& s) {
    catch_interrupts();
    const auto checkpoint = ssm::hf_checkpoint::open(s.from);
    const std::filesystem::path folder = s.to;
    const std::filesystem::path file = folder / "model.safetensors";
    std::error_code ignored;
    if (std::filesystem::exists(folder / "config.json", ignored) || std::filesystem::exists(file, ignored))
        throw ssm::argument_error({s.to, {}, "a checkpoint", "a new or empty folder", "choose another folder"});

    std::vector<ssm::tensor_to_write> tensors;
    index bytes = 0;
    for (const std::string& name : checkpoint.names()) {
        tensors.push_back(tensor_from(checkpoint, name, *s.type));
        bytes += ssm::safetensors::bytes_of(tensors.back());
    }
    copy_other_files(s.from, folder);
    {
        progress_bar bar(!s.quiet, "quantizing");
        ssm::write_safetensors(file, tensors, {{"format", "pt"}}, [&](index done) {
            bar.show(done, bytes);
            return !interrupted();
        });
    }
    if (!s.quiet)
        std::fprintf(stderr, "%s of weights, %s before\n", bytes_text(static_cast<double>(bytes)).c_str(),
                     bytes_text(static_cast<double>(checkpoint.bytes())).c_str());
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("Quantizes the weight matrices of a checkpoint.", "ssm-quantize");
    return exit_status(app, [&] {
        run(parse(app, argc, argv));
        return 0;
    });
}
