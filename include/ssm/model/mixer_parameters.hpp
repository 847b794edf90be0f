// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/error.hpp>
#include <ssm/core/model_config.hpp>
#include <ssm/core/view.hpp>

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

namespace ssm {

/// \file
/// From the parameters that checkpoints store to those that mixers compute with.

/// A = -exp(A_log).
[[nodiscard]] inline std::vector<float> decay_rates_of(std::vector<float> a_log) {
    for (float& value : a_log) value = -std::exp(value);
    return a_log;
}

/// Channel-major parameters, (channels, n), in the layout of the state, (n, channels).
[[nodiscard]] inline std::vector<float> transposed(const std::vector<float>& values, index channels) {
    const index n = static_cast<index>(values.size()) / channels;
    std::vector<float> result(values.size());
    for (index ch = 0; ch < channels; ++ch)
        for (index i = 0; i < n; ++i)
            result[static_cast<std::size_t>(i * channels + ch)] = values[static_cast<std::size_t>(ch * n + i)];
    return result;
}

/// Throws config_error unless `count`, which a configuration has in `field`, divides the `all` that `of` names.
inline void require_divisor(const model_config& config, const char* field, index count, const char* of, index all) {
    if (count < 1 || all % count != 0)
        throw config_error(
            {config.source, field, std::to_string(count), "a divisor of the " + std::to_string(all) + " " + of, {}});
}

/// What a backend's buffer of floats holds.
template <class Buffer>
[[nodiscard]] vector_view<const float> view_of(const Buffer& buffer) {
    return vector_view<const float>(buffer.data(), static_cast<index>(buffer.size()));
}
/// Of backend memory, in such buffers.
template <class... Buffers>
[[nodiscard]] index bytes_of(const Buffers&... buffers) {
    return (static_cast<index>(buffers.size()) + ...) * index{sizeof(float)};
}

}  // namespace ssm
