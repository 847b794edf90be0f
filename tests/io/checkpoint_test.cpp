// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

#include <ssm/backend/cpu/cpu.hpp>
#include <ssm/io/checkpoint.hpp>
#include <ssm/io/nonfinite.hpp>
#include <ssm/ssm.hpp>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "io/sample_files.hpp"
#include "support/catch.hpp"
#include "support/stock_models.hpp"

namespace checkpoint_test {

namespace {

using namespace ssm::test;
namespace fs = std::filesystem;

const fs::path goldens = SSM_SOURCE_DIR "/tests/golden";

constexpr const char* config_text = R"({"model_type": "falcon_mamba", "hidden_size": 2, "num_hidden_layers": 1,
    "vocab_size": 60, "eos_token_id": [9, 3]})";

/// The committed checkpoints, the tiny model among them.
std::vector<fs::path> committed() {
    std::vector<fs::path> folders{SSM_SOURCE_DIR "/models/fairy-tiny"};
    for (const auto& entry : fs::directory_iterator(goldens))
        if (fs::exists(entry.path() / "config.json")) folders.push_back(entry.path());
    return folders;
}

/// Loads a folder with one field of its config.json changed.
void load_with(const fs::path& folder, const char* key, const ssm::json& value) {
    const temporary_folder copy;
    for (const auto& file : fs::directory_iterator(folder))
        fs::create_symlink(file.path(), copy.path() / file.path().filename());
    auto config = ssm::parse_json(ssm::read_text_file(folder / "config.json"), "config.json");
    config[key] = value;
    fs::remove(copy.path() / "config.json");
    copy.write("config.json", config.dump());
    const ssm::cpu device{{.threads = 1}};
    (void)ssm::load<ssm::falcon_mamba<ssm::cpu>>(ssm::hf_checkpoint::open(copy.path()), device);
}

}  // namespace

TEST_CASE("committed checkpoints are the same mapped and read, and finite") {
    const auto folders = committed();
    REQUIRE(folders.size() > 30);
    for (const auto& folder : folders) {
        INFO(folder.string());
        const auto mapped = ssm::hf_checkpoint::open(folder);
        const auto read = ssm::hf_checkpoint::open(folder, {ssm::access::read});
        CHECK(mapped.config() == read.config());
        CHECK(mapped.config().source == (folder / "config.json").string());
        CHECK(mapped.eos_ids() == read.eos_ids());
        CHECK(mapped.directory() == folder);
        CHECK(mapped.describe() == folder.string());
        REQUIRE(mapped.names() == read.names());
        CHECK(mapped.names().size() > 5);
        ssm::index bytes = 0;
        for (const std::string& name : mapped.names()) {
            const auto a = mapped.find(name);
            const auto b = read.find(name);
            REQUIRE((a && b));
            CHECK(a->shape == b->shape);
            CHECK(std::equal(a->bytes.begin(), a->bytes.end(), b->bytes.begin(), b->bytes.end()));
            bytes += static_cast<ssm::index>(a->bytes.size());
        }
        CHECK(mapped.bytes() == bytes);
        CHECK(ssm::find_nonfinite(mapped).empty());
    }
}

TEST_CASE("a checkpoint's eos ids are those of both its files") {
    const temporary_folder folder;
    folder.write("config.json", config_text);
    folder.write("model.safetensors", small_file());
    CHECK(ssm::hf_checkpoint::open(folder.path()).eos_ids() == std::vector<ssm::token_id>{3, 9});
    folder.write("generation_config.json", R"({"eos_token_id": [9, 5], "top_k": 4})");
    const auto both = ssm::hf_checkpoint::open(folder.path());
    CHECK(both.eos_ids() == std::vector<ssm::token_id>{3, 5, 9});
    CHECK(both.generation().top_k == 4);
}

TEST_CASE("an incomplete folder is refused by what it lacks") {
    const temporary_folder folder;
    const std::string here = folder.path().string();
    const auto refused = [&](const fs::path& path, const std::vector<std::string>& says) {
        check_refused<ssm::io_error>([&] { (void)ssm::hf_checkpoint::open(path); }, says);
    };
    refused(folder.path() / "none", {here + "/none: found no such folder", "config.json and model.safetensors"});
    refused(folder.path(), {here + "/config.json: ", "cannot be opened", "No such file"});
    folder.write("config.json", config_text);
    refused(folder.path() / "config.json", {"config.json: found no such folder"});
    refused(folder.path(), {here + ": found no weights", "model.safetensors.index.json"});
    folder.write("pytorch_model.bin", "x");
    refused(folder.path(), {here + ": found pytorch_model.bin only", "convert the checkpoint"});
    fs::create_directory(folder.path() / "model.safetensors");
    refused(folder.path(), {here + "/model.safetensors: found a folder"});
}

TEST_CASE("a damaged file in a folder is refused by its name") {
    const temporary_folder folder;
    const std::string here = folder.path().string();
    folder.write("config.json", config_text);
    folder.write("model.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n");
    const auto open = [&] { (void)ssm::hf_checkpoint::open(folder.path()); };
    check_refused<ssm::format_error>(open, {here + "/model.safetensors: found a Git LFS pointer", "git lfs pull"});
    folder.write("generation_config.json", R"({"top_k": "all"})");
    check_refused<ssm::config_error>(open, {here + "/generation_config.json: top_k: found \"all\""});
    folder.write("config.json", "{");
    check_refused<ssm::format_error>(open, {here + "/config.json: JSON"});
}

TEST_CASE("reading a checkpoint tells its progress and stops when told") {
    ssm::index last = 0;
    const auto note = [&](ssm::index done, ssm::index) {
        last = done;
        return true;
    };
    const fs::path folder = goldens / "falcon_mamba-plain";
    (void)ssm::hf_checkpoint::open(folder, {ssm::access::read, note});
    CHECK(last == static_cast<ssm::index>(fs::file_size(folder / "model.safetensors")));
    for (const char* const name : {"falcon_mamba-plain", "falcon_mamba-sharded"}) {
        const ssm::checkpoint_options stop{ssm::access::read, [](ssm::index, ssm::index) { return false; }};
        check_refused<ssm::cancelled>([&] { (void)ssm::hf_checkpoint::open(goldens / name, stop); },
                                      {name, ".safetensors: ", "progress callback"});
    }
}

TEST_CASE("a configuration that disagrees with the tensors is refused by tensor and both shapes") {
    const fs::path plain = goldens / "falcon_mamba-plain";
    const ssm::model_config config = ssm::hf_checkpoint::open(plain).config();
    struct row {
        const char* key;
        ssm::index value;
        const char* tensor;
    };
    for (const row& r : std::vector<row>{{"hidden_size", config.hidden + 1, "backbone.embeddings.weight"},
                                         {"vocab_size", config.vocab + 1, "backbone.embeddings.weight"},
                                         {"intermediate_size", config.inner + 1, "in_proj.weight"},
                                         {"state_size", config.state + 1, "x_proj.weight"},
                                         {"conv_kernel", config.conv + 1, "conv1d.weight"},
                                         {"time_step_rank", config.dt_rank + 1, "x_proj.weight"}}) {
        INFO(r.key);
        check_refused<ssm::format_error>([&] { load_with(plain, r.key, r.value); },
                                         {"tensor backbone.", r.tensor, "found shape [", "expected shape [",
                                          "config.json and the tensors disagree"});
    }
    check_refused<ssm::format_error>([&] { load_with(plain, "num_hidden_layers", config.layers + 1); },
                                     {"tensor backbone.layers." + std::to_string(config.layers), "no such tensor"});
    check_refused<ssm::format_error>([&] { load_with(plain, "use_bias", true); }, {"_proj.bias", "no such tensor"});
    check_refused<ssm::config_error>([&] { load_with(plain, "model_type", "mamba"); },
                                     {"config.json: model_type: found \"mamba\", expected \"falcon_mamba\""});
}

}  // namespace checkpoint_test
