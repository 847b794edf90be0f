// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace ssm {

/// Archs that take turns from layer to layer: layer i is of the one at place i mod `size`.
template <class... Archs>
struct layer_pattern {
    static_assert(sizeof...(Archs) > 0, "ssm: a layer pattern names at least one arch");
    static constexpr std::size_t size = sizeof...(Archs);
};

/// The layers of an arch: what it names as its `pattern`, or itself in every layer.
template <class Arch>
[[nodiscard]] constexpr auto make_pattern() noexcept {
    if constexpr (requires { typename Arch::pattern; })
        return typename Arch::pattern{};
    else
        return layer_pattern<Arch>{};
}
template <class Arch>
using pattern_of = decltype(make_pattern<Arch>());

}  // namespace ssm
