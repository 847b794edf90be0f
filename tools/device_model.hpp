// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/dtype.hpp>
#include <ssm/core/model_config.hpp>
#include <ssm/core/sampling_options.hpp>
#include <ssm/core/tensor.hpp>
#include <ssm/generate/prompt.hpp>
#include <ssm/model/weight_loader.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// \file
/// Models whose type is chosen at run time: the programs see these interfaces, and each device has one source file behind
/// them.
namespace ssm::tools {

/// A weight source of any type, which must outlive it.
class any_weight_source {
public:
    template <weight_source Source>
    explicit any_weight_source(const Source& source)
        : config_(source.config()),
          origin_(source.describe()),
          find_([&source](std::string_view name) { return source.find(name); }) {}

    [[nodiscard]] const model_config& config() const noexcept { return config_; }
    [[nodiscard]] std::string describe() const { return origin_; }
    [[nodiscard]] std::optional<stored_tensor> find(std::string_view name) const { return find_(name); }

private:
    const model_config& config_;
    std::string origin_;
    std::function<std::optional<stored_tensor>(std::string_view)> find_;
};

/// A sequence with its sampler: a token source for `ssm::generate`.
class any_sequence {
public:
    virtual ~any_sequence() = default;
    virtual void prefill(std::span<const token_id> ids, const prefill_progress& progress) = 0;
    [[nodiscard]] virtual token_id next() = 0;
    [[nodiscard]] virtual index state_bytes() const = 0;
    [[nodiscard]] virtual index scratch_bytes() const = 0;
};

/// What a device can do at best, measured.
struct device_limits {
    double bytes = 0;       ///< of memory, a second
    double operations = 0;  ///< multiplications and additions of the model's arithmetic, a second
};

/// A loaded model and its device.
class any_model {
public:
    virtual ~any_model() = default;
    /// An empty sequence that reads prompts in chunks of `chunk` tokens.
    [[nodiscard]] virtual std::unique_ptr<any_sequence> start(const sampling_options& sampling, index chunk) const = 0;

    [[nodiscard]] virtual const model_config& config() const = 0;
    [[nodiscard]] virtual dtype type() const = 0;
    [[nodiscard]] virtual index weight_bytes() const = 0;
    /// Of weights that decoding a token reads.
    [[nodiscard]] virtual index bytes_per_token() const = 0;

    /// For reports: "2 threads", or a GPU's name.
    [[nodiscard]] virtual std::string device() const = 0;
    /// On the CPU.
    [[nodiscard]] virtual std::optional<int> threads() const = 0;
    /// The most memory that was taken at once, of a device that has its own.
    [[nodiscard]] virtual std::optional<index> peak_device_memory() const = 0;
    [[nodiscard]] virtual device_limits limits() const = 0;
};

using models = std::vector<std::unique_ptr<any_model>>;

/// What the CPU is told beside the weights.
struct cpu_settings {
    std::vector<int> threads;  // a model for each number, over the same weights
    bool narrow_inputs = false;
};

/// The models of `settings`.
models load_on_cpu(const any_weight_source& source, const load_options& options, const cpu_settings& settings);

/// One model on the current GPU. Throws device_error when there is none, or when the program was built without CUDA.
models load_on_cuda(const any_weight_source& source, const load_options& options);

/// Where to compute.
enum class device_kind { cpu, cuda };

/// The models of a device.
inline models load_on(device_kind device, const any_weight_source& source, const load_options& options,
                      const cpu_settings& settings) {
    return device == device_kind::cuda ? load_on_cuda(source, options) : load_on_cpu(source, options, settings);
}

}  // namespace ssm::tools
