// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/error.hpp>
#include <ssm/core/model_config.hpp>
#include <ssm/generate/snapshot_format.hpp>
#include <ssm/model/state.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace ssm {

/// Where a sequence stands: all that a session is but its scratch. A value.
template <class Model>
struct snapshot {
    typename Model::state_type state;
    std::vector<float> logits = {};                  ///< (vocab) after the last token read, or none
    std::optional<token_id> pending = std::nullopt;  ///< chosen, and not read yet
};

/// The snapshot of a sequence of `model` in the versioned format of `snapshot_format.hpp`, which is the same for every
/// backend. Throws argument_error for a state of several sequences, and memory_error.
template <class Model>
[[nodiscard]] std::vector<std::byte> to_bytes(const Model& model, const snapshot<Model>& at) {
    const auto& state = at.state;
    const auto& shape = state.shape();
    const snapshot_fields fields{.fingerprint = model.fingerprint(),
                                 .model_type = model.config().model_type,
                                 .read = state.read(),
                                 .pending = at.pending,
                                 .layers = shape.layers,
                                 .shapes = {shape.pattern.begin(), shape.pattern.end()},
                                 .logits = static_cast<index>(at.logits.size()),
                                 .activation = dtype_of<typename Model::backend::activation>,
                                 .matrices = model.matrix_type()};
    return write_snapshot(fields, state.values(model.device()), at.logits);
}

/// The snapshot in `bytes`, to go on from with this model. All or nothing. `origin` names the bytes in messages.
///
/// Throws format_error for bytes that are damaged, cut off, of a later version or no snapshot, config_error for a
/// snapshot of another model, and memory_error.
template <class Model>
[[nodiscard]] snapshot<Model> from_bytes(const Model& model, std::span<const std::byte> bytes,
                                         const std::string& origin = "snapshot") {
    const snapshot_parts parts = read_snapshot(bytes, origin);
    const snapshot_fields& fields = parts.fields;
    const auto require = [&](const std::string& what, const std::string& found, const std::string& expected) {
        if (found != expected)
            throw config_error(
                {origin, what, found, expected, "load it with the model that the snapshot was made with"});
    };
    const auto require_size = [&](const std::string& what, index found, index expected) {
        require(what, std::to_string(found), std::to_string(expected));
    };
    const auto shape = Model::shape(model.config());
    require("model type", fields.model_type, model.config().model_type);
    require_size("layers", fields.layers, shape.layers);
    require_size("shapes of layers", static_cast<index>(fields.shapes.size()),
                 static_cast<index>(shape.pattern.size()));
    for (std::size_t i = 0; i < shape.pattern.size(); ++i) {
        const layer_shape& found = fields.shapes[i];
        const layer_shape& expected = shape.pattern[i];
        const std::string of = shape.pattern.size() == 1 ? "" : " of layer " + std::to_string(i);
        require_size("window" + of, found.window, expected.window);
        require_size("states" + of, found.states, expected.states);
        require_size("channels" + of, found.channels, expected.channels);
        require_size("channels of the convolution" + of, found.convolved, expected.convolved);
    }
    require("model fingerprint", hexadecimal(fields.fingerprint), hexadecimal(model.fingerprint()));
    const index vocab = model.config().vocab;
    if (fields.logits != 0) require_size("logits", fields.logits, vocab);
    if (fields.pending && *fields.pending >= vocab)
        throw format_error(
            {origin, "pending token", std::to_string(*fields.pending), "0 to " + std::to_string(vocab - 1), {}});
    return {typename Model::state_type(model.device(), shape, fields.read, parts.state()), parts.logits(),
            fields.pending};
}

}  // namespace ssm
