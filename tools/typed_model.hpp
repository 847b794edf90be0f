// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/error.hpp>
#include <ssm/core/model_config.hpp>
#include <ssm/model/falcon_mamba.hpp>
#include <ssm/model/load.hpp>
#include <ssm/model/mamba.hpp>
#include <ssm/model/mamba2.hpp>

#include <memory>
#include <utility>

#include "device_model.hpp"

/// \file
/// Behind the interfaces, for each device's source file.
namespace ssm::tools {

/// Calls `f(type_tag<Arch>{})` with the arch that the configuration's model type names. Throws config_error for another.
template <class F>
decltype(auto) with_arch(const model_config& config, F&& f) {
    if (config.model_type == falcon_mamba_arch::model_type) return f(type_tag<falcon_mamba_arch>{});
    if (config.model_type == mamba_arch::model_type) return f(type_tag<mamba_arch>{});
    if (config.model_type == mamba2_arch::model_type) return f(type_tag<mamba2_arch>{});
    throw config_error({config.source, "model_type", "\"" + config.model_type + "\"",
                        "\"falcon_mamba\", \"mamba\" or \"mamba2\"", "other architectures are not supported"});
}

/// What models on all devices answer alike.
template <class Model>
class typed_model : public any_model {
public:
    typed_model(std::shared_ptr<const typename Model::backend> device, Model model)
        : device_(std::move(device)), model_(std::move(model)) {}

    [[nodiscard]] const model_config& config() const final { return model_.config(); }
    [[nodiscard]] dtype type() const final { return model_.shared_weights()->head.type(); }
    [[nodiscard]] index weight_bytes() const final { return model_.weight_bytes(); }
    /// All weights; of an embedding that is not the head as well a row, which is next to nothing.
    [[nodiscard]] index bytes_per_token() const final {
        const auto& weights = *model_.shared_weights();
        return weights.bytes() - (weights.head_bytes == 0 ? 0 : weights.embedding.bytes());
    }

protected:
    [[nodiscard]] const Model& model() const { return model_; }

private:
    std::shared_ptr<const typename Model::backend> device_;
    Model model_;
};

}  // namespace ssm::tools
