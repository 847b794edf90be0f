// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/error.hpp>
#include <ssm/core/model_config.hpp>
#include <ssm/core/tensor.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ssm {

/// The configuration of a published model: "130m", "370m", "790m", "1.4b" and "2.8b" of the Mamba family (Gu and Dao
/// 2023, table 12), "mamba2-130m", "mamba2-370m", "mamba2-780m", "mamba2-1.3b" and "mamba2-2.7b" of Mamba-2's (Dao and Gu
/// 2024, table 9), "7b" of Falcon Mamba; and of two small Falcon Mambas that nobody has published, "h768" and "h2048", on
/// which programs are compared. Throws argument_error for another name.
[[nodiscard]] inline model_config synthetic_shape(std::string_view name) {
    struct shape {
        std::string_view name, model_type;
        index hidden, layers;
    };
    constexpr shape shapes[] = {
        {"130m", "mamba", 768, 24},          {"370m", "mamba", 1024, 48},         {"790m", "mamba", 1536, 48},
        {"1.4b", "mamba", 2048, 48},         {"2.8b", "mamba", 2560, 64},         {"mamba2-130m", "mamba2", 768, 24},
        {"mamba2-370m", "mamba2", 1024, 48}, {"mamba2-780m", "mamba2", 1536, 48}, {"mamba2-1.3b", "mamba2", 2048, 48},
        {"mamba2-2.7b", "mamba2", 2560, 64}, {"7b", "falcon_mamba", 4096, 64},    {"h768", "falcon_mamba", 768, 24},
        {"h2048", "falcon_mamba", 2048, 48}};
    const auto* const found =
        std::find_if(std::begin(shapes), std::end(shapes), [&](const shape& s) { return s.name == name; });
    if (found == std::end(shapes)) {
        std::string all;
        for (const shape& s : shapes) all += (all.empty() ? "" : ", ") + std::string(s.name);
        throw argument_error({"synthetic_shape", "name", "\"" + std::string(name) + "\"", "one of " + all, {}});
    }
    model_config config;
    config.model_type = found->model_type;
    config.source = "synthetic " + std::string(name);
    config.hidden = found->hidden;
    config.layers = found->layers;
    config.inner = 2 * config.hidden;
    config.conv = 4;
    config.tied_head = config.model_type != "falcon_mamba";
    config.vocab = config.tied_head ? 50280 : 65024;
    if (config.model_type == "mamba2") {
        config.vocab = 50288;
        config.state = 128;
        config.heads = config.inner / 64;
        config.groups = 1;
    } else {
        config.state = 16;
        config.dt_rank = name == "h768" ? 64 : config.hidden / 16;
    }
    return config;
}

/// Random weights of a shape, made tensor by tensor when they are asked for: a weight source for measurements, where
/// the numbers must be ordinary and the bytes must not come from a file. The same seed gives the same weights.
///
/// Scales are those of a fresh model (Gu and Dao 2023, section 3.6): matrices keep the variance of their input,
/// A = -(1..N), or of Mamba-2 from -1 to -16; softplus(dt bias) from 0.001 to 0.1.
class synthetic_checkpoint {
public:
    explicit synthetic_checkpoint(model_config config, dtype type = dtype::bf16, std::uint64_t seed = 1)
        : config_(std::move(config)), type_(type), seed_(seed) {
        const model_config& c = config_;
        add("backbone.embeddings.weight", {c.vocab, c.hidden}, uniform{1.0F});
        for (index i = 0; i < c.layers; ++i) add_layer("backbone.layers." + std::to_string(i) + ".");
        add("backbone.norm_f.weight", {c.hidden}, constant{1.0F});
        if (!c.tied_head) add("lm_head.weight", {c.vocab, c.hidden}, uniform{fan_in(c.hidden)});
    }

    [[nodiscard]] const model_config& config() const noexcept { return config_; }
    [[nodiscard]] std::string describe() const { return config_.source; }
    [[nodiscard]] std::vector<std::string> names() const {
        std::vector<std::string> all;
        for (const auto& [name, made] : recipes_) all.push_back(name);
        return all;
    }
    /// Bytes of all tensors.
    [[nodiscard]] index bytes() const {
        index sum = 0;
        for (const auto& [name, made] : recipes_) sum += count_of(made.shape) * size_of(type_);
        return sum;
    }

    /// Makes the tensor. Throws memory_error.
    [[nodiscard]] std::optional<stored_tensor> find(std::string_view name) const {
        const auto found = recipes_.find(name);
        if (found == recipes_.end()) return std::nullopt;
        const recipe& made = found->second;
        std::optional<stored_tensor> tensor;
        with_storage_type(type_, [&]<class T>(type_tag<T>) {
            std::shared_ptr<std::vector<T>> values;
            const index count = count_of(made.shape);
            try {
                values = std::make_shared<std::vector<T>>(static_cast<std::size_t>(count));
            } catch (const std::bad_alloc&) {
                throw memory_error({config_.source,
                                    "tensor " + found->first,
                                    std::to_string(count * size_of(type_)) + " bytes",
                                    {},
                                    "out of memory; choose a smaller shape or dtype"});
            }
            std::uint64_t state = seed_ + hash(name);
            float some[1024];
            for (index i = 0; i < count; i += std::ssize(some)) {
                const std::span block(some, static_cast<std::size_t>(std::min(std::ssize(some), count - i)));
                for (float& unit : block) unit = next_unit(state);
                made.fill(i, block);
                std::transform(block.begin(), block.end(), values->begin() + i, [](float value) { return T(value); });
            }
            tensor = stored_tensor{found->first, type_, made.shape, std::as_bytes(std::span(*values)), values};
        });
        return tensor;
    }

private:
    /// Turns random numbers in [0, 1) into the elements of a tensor from element `first` on.
    using formula = std::function<void(index first, std::span<float> units)>;
    struct recipe {
        std::vector<index> shape;
        formula fill;
    };

    struct constant {
        float value;
        float operator()(index, float) const noexcept { return value; }
    };
    struct uniform {
        float deviation;
        float operator()(index, float unit) const noexcept { return deviation * std::sqrt(12.0F) * (unit - 0.5F); }
    };

    void add_layer(const std::string& layer) {
        const model_config& c = config_;
        const bool has_heads = c.heads > 0;
        const std::string mixer = layer + "mixer.";
        const index convolved = c.inner + (has_heads ? 2 * c.groups * c.state : 0);
        const index projected = c.inner + convolved + c.heads;
        add(layer + "norm.weight", {c.hidden}, constant{1.0F});
        add(mixer + "in_proj.weight", {projected, c.hidden}, uniform{fan_in(c.hidden)});
        add(mixer + "conv1d.weight", {convolved, 1, c.conv}, uniform{fan_in(c.conv)});
        if (c.conv_bias) add(mixer + "conv1d.bias", {convolved}, uniform{fan_in(c.conv)});
        if (has_heads) {
            add(mixer + "dt_bias", {c.heads}, dt_bias);
            add(mixer + "A_log", {c.heads}, [](index, float unit) { return std::log(1 + 15 * unit); });
            add(mixer + "D", {c.heads}, constant{1.0F});
            add(mixer + "norm.weight", {c.inner}, constant{1.0F});
        } else {
            add(mixer + "x_proj.weight", {c.dt_rank + 2 * c.state, c.inner}, uniform{fan_in(c.inner)});
            add(mixer + "dt_proj.weight", {c.inner, c.dt_rank}, uniform{fan_in(c.dt_rank)});
            add(mixer + "dt_proj.bias", {c.inner}, dt_bias);
            add(mixer + "A_log", {c.inner, c.state},
                [states = c.state](index i, float) { return std::log(static_cast<float>(i % states + 1)); });
            add(mixer + "D", {c.inner}, constant{1.0F});
        }
        add(mixer + "out_proj.weight", {c.hidden, c.inner}, uniform{fan_in(c.inner)});
        if (c.projection_bias) {
            add(mixer + "in_proj.bias", {projected}, uniform{0.1F});
            add(mixer + "out_proj.bias", {c.hidden}, uniform{0.1F});
        }
    }

    /// softplus of it is from 0.001 to 0.1.
    static float dt_bias(index, float unit) { return std::log(std::expm1(1e-3F * std::pow(100.0F, unit))); }

    /// Element i of a tensor is value(i, unit).
    template <class Value>
    void add(const std::string& name, std::vector<index> shape, Value value) {
        recipes_[name] = {std::move(shape), [value](index first, std::span<float> units) {
                              for (float& unit : units) unit = value(first++, unit);
                          }};
    }

    static float fan_in(index inputs) { return 1.0F / std::sqrt(static_cast<float>(inputs)); }

    /// FNV-1a, 64 bits; `std::hash` may differ between libraries, and even between runs.
    static std::uint64_t hash(std::string_view text) {
        std::uint64_t h = 0xcbf29ce484222325U;
        for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
        return h;
    }

    /// splitmix64 (Steele, Lea and Flood 2014), its upper 24 bits.
    static float next_unit(std::uint64_t& state) {
        std::uint64_t z = (state += 0x9e3779b97f4a7c15U);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
        return static_cast<float>((z ^ (z >> 31)) >> 40) * 0x1p-24F;
    }

    model_config config_;
    dtype type_;
    std::uint64_t seed_;
    std::map<std::string, recipe, std::less<>> recipes_;
};

}  // namespace ssm
