// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/error.hpp>
#include <ssm/core/model_config.hpp>
#include <ssm/model/mixer_parameters.hpp>
#include <ssm/model/static_model.hpp>
#include <ssm/model/weight_loader.hpp>

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ssm {

/// The sizes that a `static_model` of this configuration has.
[[nodiscard]] inline model_sizes sizes_of(const model_config& config) {
    return {config.hidden, config.inner, config.state,           config.conv,     config.dt_rank,
            config.layers, config.vocab, config.projection_bias, config.tied_head};
}

/// Fills the weights of a `static_model` from a weight source, on a host with a heap; `device` is any backend. Throws
/// config_error for a source of other sizes, of another model type or with a second head, format_error for an absent or misshapen tensor.
template <class Model, weight_source Source, class Backend>
void load_static(const Source& source, const Backend& device, typename Model::weights& to) {
    const model_config& config = source.config();
    const load_options options;
    weight_loader<Backend> load(source, device, options);
    if (sizes_of(config) != Model::sizes)
        throw config_error({config.source, "sizes", "others than the static_model's", "equal ones",
                            "give the type the sizes of the configuration"});
    const std::string_view type = Model::norm::normalises ? "falcon_mamba" : "mamba";
    if (config.model_type != type)
        throw config_error({config.source, "model_type", "\"" + config.model_type + "\"",
                            "\"" + std::string(type) + "\"", "give the type the norm of the model"});
    if (config.tied_head && load.has("lm_head.weight"))
        throw config_error({config.source, "tied_head", "true beside a lm_head.weight of its own", "one of the two",
                            "give the type sizes whose tied_head is false, and the configuration too"});
    const auto copy = [](const std::vector<float>& from, auto& array) {
        std::transform(from.begin(), from.end(), array.begin(), [](float x) { return typename Model::scalar(x); });
    };
    const auto fill = [&](auto& array, const std::string& name, const std::vector<index>& shape) {
        if (!array.empty()) copy(load.values(name, shape), array);
    };
    // (channels, n) as stored, (n, channels) as kept.
    const auto fill_turned = [&](auto& array, const std::vector<float>& from) {
        copy(transposed(from, config.inner), array);
    };

    fill(to.embedding, load.embedding_name(), {config.vocab, config.hidden});
    fill(to.norm, "backbone.norm_f.weight", {config.hidden});
    fill(to.head, "lm_head.weight", {config.vocab, config.hidden});
    to.norm_eps = typename Model::scalar(config.norm_eps);
    to.mixer_norm_eps = typename Model::scalar(config.mixer_norm_eps);
    for (std::size_t i = 0; i < to.layers.size(); ++i) {
        auto& w = to.layers[i];
        const std::string layer = "backbone.layers." + std::to_string(i) + ".";
        const std::string mixer = layer + "mixer.";
        fill(w.norm, layer + "norm.weight", {config.hidden});
        fill(w.in_proj, mixer + "in_proj.weight", {2 * config.inner, config.hidden});
        fill(w.in_bias, mixer + "in_proj.bias", {2 * config.inner});
        fill_turned(w.taps, load.values(mixer + "conv1d.weight", {config.inner, 1, config.conv}));
        w.conv_bias = {};
        if (config.conv_bias) fill(w.conv_bias, mixer + "conv1d.bias", {config.inner});
        fill(w.x_proj, mixer + "x_proj.weight", {config.dt_rank + 2 * config.state, config.inner});
        fill(w.dt_gain, mixer + "dt_layernorm.weight", {config.dt_rank});
        fill(w.b_gain, mixer + "b_layernorm.weight", {config.state});
        fill(w.c_gain, mixer + "c_layernorm.weight", {config.state});
        fill(w.dt_proj, mixer + "dt_proj.weight", {config.inner, config.dt_rank});
        fill(w.dt_bias, mixer + "dt_proj.bias", {config.inner});
        fill_turned(w.a, decay_rates_of(load.values(mixer + "A_log", {config.inner, config.state})));
        fill(w.d, mixer + "D", {config.inner});
        fill(w.out_proj, mixer + "out_proj.weight", {config.hidden, config.inner});
        fill(w.out_bias, mixer + "out_proj.bias", {config.hidden});
    }
}

}  // namespace ssm
