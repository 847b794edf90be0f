// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/concepts.hpp>
#include <ssm/core/error.hpp>
#include <ssm/core/hash.hpp>
#include <ssm/core/model_config.hpp>
#include <ssm/core/tensor.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ssm {

/// Where weights come from: a checkpoint on disk, random numbers, a test.
template <class S>
concept weight_source = requires(const S source, std::string_view name) {
    { source.config() } -> std::convertible_to<const model_config&>;
    { source.find(name) } -> std::same_as<std::optional<stored_tensor>>;
    { source.describe() } -> std::convertible_to<std::string>;
};

/// How far loading has come. Each tensor counts once, and whole, with the first part that is made of it.
struct load_progress {
    std::string_view tensor;  ///< the one just loaded
    index bytes = 0;          ///< loaded so far, as stored
};

/// What to make of a checkpoint.
struct load_options {
    /// Of the matrices (embedding, head and the four projections of a layer); as stored when not given. What must not be
    /// narrow is float whatever this says.
    std::optional<dtype> type = std::nullopt;
    std::function<bool(const load_progress&)> progress = nullptr;  ///< returning false stops with `cancelled`
};

/// Takes tensors from a weight source by name, checks their shapes and hands them to a backend. Or only counts what that
/// would take.
template <class Backend>
class weight_loader {
    using buffer = typename Backend::template buffer<float>;

public:
    /// A loader that loads nothing: every tensor asked for is there but a head of its own, matrices and vectors come back
    /// empty, and `planned_bytes` says what they would have been in the backend's memory.
    weight_loader(const Backend& device, dtype matrices) : device_(device), planned_(matrices) {}

    template <weight_source Source>
    weight_loader(const Source& source, const Backend& device, const load_options& options)
        : device_(device),
          options_(&options),
          origin_(source.describe()),
          find_([&source](std::string_view name) { return source.find(name); }) {}

    [[nodiscard]] const Backend& device() const noexcept { return device_; }
    /// What the checkpoint calls the embedding: Hugging Face writes "embeddings", the original mamba_ssm "embedding".
    [[nodiscard]] std::string embedding_name() const {
        return has("backbone.embedding.weight") ? "backbone.embedding.weight" : "backbone.embeddings.weight";
    }
    [[nodiscard]] bool has(std::string_view name) const { return !planned_ && find_(name).has_value(); }

    /// A weight matrix in the dtype asked for. Throws format_error when it is absent or not of this shape.
    [[nodiscard]] typename Backend::matrix matrix(const std::string& name, index rows, index columns) {
        return matrix_rows(name, rows, columns, 0, rows);
    }
    /// Rows [first, first + count) of a weight matrix, as one of its own. Throws alike.
    [[nodiscard]] typename Backend::matrix matrix_rows(const std::string& name, index rows, index columns, index first,
                                                       index count) {
        if (planned_) {
            planned_bytes_ += Backend::matrix::bytes_of(count, columns, *planned_);
            return {};
        }
        const stored_tensor tensor = get(name, {rows, columns});
        const auto bytes_before = [&](index row) {
            return static_cast<std::size_t>(row * row_bytes(tensor.type, columns));
        };
        stored_tensor part = tensor;
        part.shape[0] = count;
        part.bytes = tensor.bytes.subspan(bytes_before(first), bytes_before(count));
        auto loaded = device_.upload_matrix(part, options_->type.value_or(tensor.type));
        count_in(tensor);
        return loaded;
    }

    /// A tensor of any shape as host floats, row-major: for the small parameters, which are kept in float. Throws
    /// format_error when they are stored quantized, as only matrices may be.
    [[nodiscard]] std::vector<float> values(const std::string& name, const std::vector<index>& shape) {
        if (planned_) return std::vector<float>(static_cast<std::size_t>(count_of(shape)));
        const stored_tensor tensor = get(name, shape);
        if (is_quantized(tensor.type))
            throw format_error({origin_, "tensor " + name, "dtype " + std::string(name_of(tensor.type)),
                                "f32, bf16 or f16", "only weight matrices may be quantized: quantize the model again"});
        std::vector<float> widened(static_cast<std::size_t>(count_of(shape)));
        const index row = shape[0] > 0 ? count_of(shape) / shape[0] : 0;
        for (index i = 0; i < shape[0]; ++i) read_numbers(tensor, i, 0, row, widened.data() + i * row);
        count_in(tensor);
        return widened;
    }

    /// Host floats in the backend's memory: what a mixer made of `values`.
    [[nodiscard]] buffer upload(const std::vector<float>& values) {
        if (!planned_) return device_.template upload<float>(values);
        planned_bytes_ += static_cast<index>(values.size() * sizeof(float));
        return {};
    }
    /// `values` in the backend's memory.
    [[nodiscard]] buffer vector(const std::string& name, index size) { return upload(values(name, {size})); }
    /// `vector`, or nothing when the model has no such parameter.
    [[nodiscard]] buffer vector_if(bool present, const std::string& name, index size) {
        return present ? vector(name, size) : upload({});
    }

    [[nodiscard]] index planned_bytes() const noexcept { return planned_bytes_; }

    /// Identifies the tensors taken so far, each once: name, shape, dtype and, of each, its bytes or 16 blocks of 4 KiB
    /// spread over them, so that a model of any size is told apart within milliseconds.
    [[nodiscard]] const fnv1a& fingerprint() const noexcept { return fingerprint_; }

private:
    [[nodiscard]] stored_tensor get(const std::string& name, const std::vector<index>& shape) const {
        std::optional<stored_tensor> tensor = find_(name);
        if (!tensor)
            throw format_error({origin_, "tensor " + name, "no such tensor", "shape " + shape_text(shape),
                                "check that the checkpoint is complete and of the model type asked for"});
        if (tensor->shape != shape)
            throw format_error({origin_, "tensor " + name, "shape " + shape_text(tensor->shape),
                                "shape " + shape_text(shape),
                                "config.json and the tensors disagree; they must come from the same checkpoint"});
        return *std::move(tensor);
    }

    void identify(const stored_tensor& tensor) {
        fingerprint_.update(std::as_bytes(std::span(tensor.name)));
        for (const index extent : tensor.shape) fingerprint_.update(static_cast<std::uint64_t>(extent));
        fingerprint_.update(static_cast<std::uint64_t>(tensor.type));
        constexpr std::size_t blocks = 16;
        constexpr std::size_t block = 4096;
        if (tensor.bytes.size() <= blocks * block) return fingerprint_.update(tensor.bytes);
        for (std::size_t i = 0; i < blocks; ++i)
            fingerprint_.update(tensor.bytes.subspan((tensor.bytes.size() - block) / (blocks - 1) * i, block));
    }

    /// Of a tensor that is taken in parts, only the first time.
    void count_in(const stored_tensor& tensor) {
        if (!taken_.insert(tensor.name).second) return;
        identify(tensor);
        if (tensor.let_go != nullptr) tensor.let_go(tensor.bytes);  // what was read of it here and before
        bytes_ += static_cast<index>(tensor.bytes.size());
        if (options_->progress && !options_->progress({tensor.name, bytes_}))
            throw cancelled({origin_, "tensor " + tensor.name, "loading stopped by the progress callback", {}, {}});
    }

    const Backend& device_;
    const load_options* options_ = nullptr;
    std::string origin_;
    std::function<std::optional<stored_tensor>(std::string_view)> find_;
    std::optional<dtype> planned_;  // what matrices would be kept in, for a loader that only counts
    index planned_bytes_ = 0;
    std::set<std::string> taken_;
    index bytes_ = 0;  // of these
    fnv1a fingerprint_;
};

}  // namespace ssm
