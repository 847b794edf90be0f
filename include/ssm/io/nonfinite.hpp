// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/tensor.hpp>

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

namespace ssm {

/// A weight that is NaN or infinite.
struct nonfinite_weight {
    std::string tensor;
    index position;  ///< in the flattened tensor
    float value;
};

/// The first NaN or infinity of each tensor that has one, in the order of `names()`. Reads every weight once.
/// Throws format_error for a tensor of a type that weights cannot have.
template <class Checkpoint>
[[nodiscard]] std::vector<nonfinite_weight> find_nonfinite(const Checkpoint& checkpoint) {
    std::vector<nonfinite_weight> found;
    for (const std::string& name : checkpoint.names()) {
        const stored_tensor tensor = *checkpoint.find(name);
        with_storage_type(tensor.type, [&]<class T>(type_tag<T>) {
            const auto count = static_cast<index>(tensor.bytes.size() / sizeof(T));
            for (index i = 0; i < count; ++i) {
                T element;
                std::memcpy(&element, tensor.bytes.data() + static_cast<std::size_t>(i) * sizeof(T), sizeof(T));
                const auto value = static_cast<float>(element);
                if (std::isfinite(value)) continue;
                found.push_back({name, i, value});
                return;
            }
        });
    }
    return found;
}

}  // namespace ssm
