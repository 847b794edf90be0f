// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/ssm.hpp>

#include <map>
#include <random>

/// Random weights in memory. A weight source is anything with config, describe and find.
class untrained {
public:
    explicit untrained(ssm::model_config config) : config_(std::move(config)) {}

    /// Uniform numbers in [low, high).
    void add(const std::string& name, std::vector<ssm::index> shape, float low, float high) {
        std::uniform_real_distribution<float> uniform(low, high);
        std::vector<float> values(static_cast<std::size_t>(ssm::count_of(shape)));
        for (float& value : values) value = uniform(generator_);
        tensors_[name] = {std::move(shape), std::move(values)};
    }

    const ssm::model_config& config() const { return config_; }
    std::string describe() const { return "untrained weights"; }
    std::optional<ssm::stored_tensor> find(std::string_view name) const {
        const auto found = tensors_.find(name);
        if (found == tensors_.end()) return std::nullopt;
        const auto& [shape, values] = found->second;
        return ssm::stored_tensor{found->first, ssm::dtype::f32, shape, std::as_bytes(std::span(values)), nullptr};
    }

private:
    ssm::model_config config_;
    std::mt19937 generator_{1};
    std::map<std::string, std::pair<std::vector<ssm::index>, std::vector<float>>, std::less<>> tensors_;
};
