// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/error.hpp>
#include <ssm/model/model.hpp>
#include <ssm/model/weight_loader.hpp>
#include <ssm/model/weights.hpp>

#include <concepts>
#include <memory>
#include <new>
#include <string>

namespace ssm {

/// Builds a model from a weight source. Matrices keep their stored dtype, and on the CPU their place in a mapped file,
/// unless `options.type` asks for another.
///
/// Throws config_error when the source is of another model type than the arch, format_error for an absent or misshapen
/// tensor, memory_error, and `cancelled` when the progress callback says so.
template <class Model, weight_source Source>
[[nodiscard]] Model load(const Source& source, const typename Model::backend& device,
                         const load_options& options = {}) {
    using arch = typename Model::arch;
    const model_config& config = source.config();
    if (!arch::model_type.empty() && config.model_type != arch::model_type)
        throw config_error({config.source, "model_type", "\"" + config.model_type + "\"",
                            "\"" + std::string(arch::model_type) + "\"", "load it as the model type it states"});
    try {
        weight_loader<typename Model::backend> loader(source, device, options);
        return Model(std::make_shared<const weights<typename Model::backend, arch>>(loader, config), device);
    } catch (const std::bad_alloc&) {
        throw memory_error({source.describe(), "weights", "out of memory", {}, "a smaller model or dtype needs less"});
    }
}

/// A device of another backend than the model's: a mistake, said in a sentence.
template <class Model, weight_source Source, class Other>
    requires(!std::convertible_to<const Other&, const typename Model::backend&>)
Model load(const Source&, const Other&, const load_options& = {}) {
    static_assert(std::same_as<Other, typename Model::backend>,
                  "ssm: a model is loaded onto a device of its own backend, the first parameter of its type");
}

}  // namespace ssm
