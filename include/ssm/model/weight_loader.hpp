// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/concepts.hpp>
#include <ssm/core/error.hpp>
#include <ssm/core/model_config.hpp>
#include <ssm/core/tensor.hpp>

#include <concepts>
#include <functional>
#include <optional>
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

/// How far loading has come.
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

/// Takes tensors from a weight source by name, checks their shapes and hands them to a backend.
template <class Backend>
class weight_loader {
public:
    template <weight_source Source>
    weight_loader(const Source& source, const Backend& device, const load_options& options)
        : device_(device),
          options_(options),
          origin_(source.describe()),
          find_([&source](std::string_view name) { return source.find(name); }) {}

    [[nodiscard]] const Backend& device() const noexcept { return device_; }
    [[nodiscard]] bool has(std::string_view name) const { return find_(name).has_value(); }

    /// A weight matrix in the dtype asked for. Throws format_error when it is absent or not of this shape.
    [[nodiscard]] typename Backend::matrix matrix(const std::string& name, index rows, index columns) {
        const stored_tensor tensor = get(name, {rows, columns});
        auto loaded = device_.upload_matrix(tensor, options_.type.value_or(tensor.type));
        report(tensor);
        return loaded;
    }

    /// A tensor of any shape as host floats, row-major: for the small parameters, which are kept in float. Throws
    /// format_error when they are stored quantized, as only matrices may be.
    [[nodiscard]] std::vector<float> values(const std::string& name, const std::vector<index>& shape) {
        const stored_tensor tensor = get(name, shape);
        if (is_quantized(tensor.type))
            throw format_error({origin_, "tensor " + name, "dtype " + std::string(name_of(tensor.type)),
                                "f32, bf16 or f16", "only weight matrices may be quantized: quantize the model again"});
        std::vector<float> widened(static_cast<std::size_t>(count_of(shape)));
        const index row = shape[0] > 0 ? count_of(shape) / shape[0] : 0;
        for (index i = 0; i < shape[0]; ++i) read_numbers(tensor, i, 0, row, widened.data() + i * row);
        report(tensor);
        return widened;
    }

    /// `values` in the backend's memory.
    [[nodiscard]] auto vector(const std::string& name, index size) {
        return device_.template upload<float>(values(name, {size}));
    }
    /// `vector`, or nothing when the model has no such parameter.
    [[nodiscard]] auto vector_if(bool present, const std::string& name, index size) {
        return present ? vector(name, size) : device_.template upload<float>(std::span<const float>{});
    }

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

    void report(const stored_tensor& tensor) {
        bytes_ += static_cast<index>(tensor.bytes.size());
        if (options_.progress && !options_.progress({tensor.name, bytes_}))
            throw cancelled({origin_, "tensor " + tensor.name, "loading stopped by the progress callback", {}, {}});
    }

    const Backend& device_;
    const load_options& options_;
    std::string origin_;
    std::function<std::optional<stored_tensor>(std::string_view)> find_;
    index bytes_ = 0;
};

}  // namespace ssm
