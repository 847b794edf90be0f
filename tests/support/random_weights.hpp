// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/model_config.hpp>
#include <ssm/core/tensor.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "support/random_values.hpp"

namespace ssm::test {

/// A small model of random weights in memory, every part of which matters to the result. Tests take tensors away,
/// reshape or poison them.
class random_weights {
public:
    explicit random_weights(model_config config) : config_(std::move(config)) {
        const model_config& c = config_;
        add("backbone.embeddings.weight", {c.vocab, c.hidden}, -1, 1);
        for (index i = 0; i < c.layers; ++i) {
            const std::string layer = "backbone.layers." + std::to_string(i) + ".";
            const std::string mixer = layer + "mixer.";
            add(layer + "norm.weight", {c.hidden}, 0.5F, 1.5F);
            add(mixer + "in_proj.weight", {2 * c.inner, c.hidden}, -0.3F, 0.3F);
            add(mixer + "conv1d.weight", {c.inner, 1, c.conv}, -0.5F, 0.5F);
            add(mixer + "x_proj.weight", {c.dt_rank + 2 * c.state, c.inner}, -0.3F, 0.3F);
            add(mixer + "dt_layernorm.weight", {c.dt_rank}, 0.5F, 1.5F);
            add(mixer + "b_layernorm.weight", {c.state}, 0.5F, 1.5F);
            add(mixer + "c_layernorm.weight", {c.state}, 0.5F, 1.5F);
            add(mixer + "dt_proj.weight", {c.inner, c.dt_rank}, -0.5F, 0.5F);
            add(mixer + "dt_proj.bias", {c.inner}, -4, 1);
            add(mixer + "A_log", {c.inner, c.state}, 0, 2.5F);
            add(mixer + "D", {c.inner}, -1, 1);
            add(mixer + "out_proj.weight", {c.hidden, c.inner}, -0.3F, 0.3F);
            if (c.conv_bias) add(mixer + "conv1d.bias", {c.inner}, -0.5F, 0.5F);
            if (c.projection_bias) {
                add(mixer + "in_proj.bias", {2 * c.inner}, -0.5F, 0.5F);
                add(mixer + "out_proj.bias", {c.hidden}, -0.5F, 0.5F);
            }
        }
        if (c.model_type == "mamba2")
            for (index i = 0; i < c.layers; ++i) make_mamba2(i);
        add("backbone.norm_f.weight", {c.hidden}, 0.5F, 1.5F);
        if (!c.tied_head) add("lm_head.weight", {c.vocab, c.hidden}, -1, 1);
    }

    /// Gives a layer the tensors of Mamba-2.
    void make_mamba2(index layer) {
        const model_config& c = config_;
        const std::string mixer = "backbone.layers." + std::to_string(layer) + ".mixer.";
        const index convolved = c.inner + 2 * c.groups * c.state;
        const index projected = c.inner + convolved + c.heads;
        add(mixer + "in_proj.weight", {projected, c.hidden}, -0.3F, 0.3F);
        add(mixer + "conv1d.weight", {convolved, 1, c.conv}, -0.5F, 0.5F);
        add(mixer + "dt_bias", {c.heads}, -4, 1);
        add(mixer + "A_log", {c.heads}, 0, 2.5F);
        add(mixer + "D", {c.heads}, -1, 1);
        add(mixer + "norm.weight", {c.inner}, 0.5F, 1.5F);
        if (c.conv_bias) add(mixer + "conv1d.bias", {convolved}, -0.5F, 0.5F);
        if (c.projection_bias) add(mixer + "in_proj.bias", {projected}, -0.5F, 0.5F);
    }

    /// Gives a layer the tensors of S4D, as `examples/s4d_mixer.hpp` reads them.
    void make_s4d(index layer) {
        const model_config& c = config_;
        const std::string mixer = "backbone.layers." + std::to_string(layer) + ".mixer.";
        add(mixer + "A_log", {c.state, c.inner}, 0, 1);
        for (const char* name : {"B", "C"}) add(mixer + name, {c.state, c.inner}, -1, 1);
        add(mixer + "log_dt", {c.inner}, -4, 0);
    }

    const model_config& config() const { return config_; }
    std::string describe() const { return "random weights"; }
    std::optional<stored_tensor> find(std::string_view name) const {
        const auto found = tensors_.find(name);
        if (found == tensors_.end()) return std::nullopt;
        const auto& [shape, values] = found->second;
        const auto copy = std::make_shared<const std::vector<float>>(values);  // for models that outlive this
        return stored_tensor{std::string(name), dtype::f32, shape, std::as_bytes(std::span(*copy)), copy};
    }

    std::vector<std::string> names() const {
        std::vector<std::string> all;
        for (const auto& [name, tensor] : tensors_) all.push_back(name);
        return all;
    }

    void add(const std::string& name, const std::vector<index>& shape, float low, float high) {
        index count = 1;
        for (const index extent : shape) count *= extent;
        const auto seed = static_cast<unsigned>(std::hash<std::string>{}(name));
        tensors_[name] = {shape, random_values(count, low, high, seed)};
    }
    void remove(const std::string& name) { tensors_.erase(name); }
    std::vector<float>& values(const std::string& name) { return tensors_.at(name).second; }

private:
    model_config config_;
    std::map<std::string, std::pair<std::vector<index>, std::vector<float>>, std::less<>> tensors_;
};

/// Odd sizes, so that no vector or tile comes out even.
inline model_config small_config() {
    model_config config;
    config.hidden = 40;
    config.inner = 77;
    config.state = 13;
    config.conv = 4;
    config.dt_rank = 3;
    config.layers = 2;
    config.vocab = 51;
    config.model_type = "falcon_mamba";
    config.source = "config.json";
    return config;
}

/// The same with heads, in groups that B and C are shared in.
inline model_config small_mamba2_config() {
    model_config config = small_config();
    config.inner = 78;
    config.heads = 6;
    config.groups = 2;
    config.dt_limits = {0.05F, 0.9F};
    config.model_type = "mamba2";
    return config;
}

}  // namespace ssm::test
