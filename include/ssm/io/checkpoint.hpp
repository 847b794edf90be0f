// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/error.hpp>
#include <ssm/core/model_config.hpp>
#include <ssm/core/tensor.hpp>
#include <ssm/io/generation_config.hpp>
#include <ssm/io/hf_config.hpp>
#include <ssm/io/shards.hpp>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ssm {

/// How to open a checkpoint.
struct checkpoint_options {
    access how = access::map;
    read_progress progress = nullptr;  ///< told per file while it is read; not called when files are mapped
};

/// A folder with config.json and model.safetensors, or the files of model.safetensors.index.json, as Hugging Face
/// publishes them; generation_config.json is read when it is there. A weight source for `ssm::load`.
class hf_checkpoint {
public:
    /// Throws io_error, format_error or config_error naming the file; `cancelled` when the progress callback says so.
    static hf_checkpoint open(const std::filesystem::path& folder, const checkpoint_options& options = {}) {
        return hf_checkpoint(folder, options);
    }

    [[nodiscard]] const model_config& config() const noexcept { return config_.model; }
    [[nodiscard]] const generation_config& generation() const noexcept { return generation_; }
    [[nodiscard]] const std::filesystem::path& directory() const noexcept { return folder_; }
    /// The folder, for messages.
    [[nodiscard]] std::string describe() const { return folder_.string(); }

    /// A tensor by its stored name, or nothing. Throws format_error when it is of a type that weights cannot have.
    [[nodiscard]] std::optional<stored_tensor> find(std::string_view name) const { return tensors_.find(name); }
    [[nodiscard]] std::vector<std::string> names() const { return tensors_.names(); }
    /// Bytes of all tensors as stored.
    [[nodiscard]] index bytes() const { return tensors_.bytes(); }

    /// Ids that end a text, of config.json and generation_config.json together, in ascending order.
    [[nodiscard]] std::vector<token_id> eos_ids() const {
        std::vector<token_id> ids = config_.eos_ids;
        ids.insert(ids.end(), generation_.eos_ids.begin(), generation_.eos_ids.end());
        std::sort(ids.begin(), ids.end());
        ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
        return ids;
    }

private:
    hf_checkpoint(const std::filesystem::path& folder, const checkpoint_options& options)
        : folder_(folder),
          config_(read_hf_config(existing(folder) / "config.json")),
          generation_(read_generation_config(folder / "generation_config.json")),
          tensors_(open_tensors(folder, options)) {}

    static const std::filesystem::path& existing(const std::filesystem::path& folder) {
        std::error_code ignored;
        if (!std::filesystem::is_directory(folder, ignored))
            throw io_error(
                {folder.string(), {}, "no such folder", "a folder with config.json and model.safetensors", {}});
        return folder;
    }

    static safetensors_shards open_tensors(const std::filesystem::path& folder, const checkpoint_options& options) {
        const auto single = folder / "model.safetensors";
        const auto index_file = folder / "model.safetensors.index.json";
        std::error_code ignored;
        if (std::filesystem::exists(single, ignored))
            return safetensors_shards::single(single, options.how, options.progress);
        if (std::filesystem::exists(index_file, ignored))
            return safetensors_shards::indexed(index_file, options.how, options.progress);
        const bool pickled = std::filesystem::exists(folder / "pytorch_model.bin", ignored);
        throw io_error({folder.string(),
                        {},
                        pickled ? "pytorch_model.bin only" : "no weights",
                        "model.safetensors or model.safetensors.index.json",
                        pickled ? "convert the checkpoint to safetensors" : "fetch the whole checkpoint"});
    }

    std::filesystem::path folder_;
    hf_config config_;
    generation_config generation_;
    safetensors_shards tensors_;
};

}  // namespace ssm
