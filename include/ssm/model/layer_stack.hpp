// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/model_config.hpp>
#include <ssm/model/block.hpp>
#include <ssm/model/layer_pattern.hpp>
#include <ssm/model/state.hpp>
#include <ssm/model/weight_loader.hpp>
#include <ssm/policy/scan.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace ssm {

/// The layers of a model, each a block of the arch whose turn it is. What depends on the arch is known when the program is
/// compiled; a pattern of one costs nothing.
template <class Backend, class Pattern>
class layer_stack;

template <class Backend, class... Archs>
class layer_stack<Backend, layer_pattern<Archs...>> {
public:
    /// Takes the tensors called "backbone.layers.0." and so on. Throws format_error.
    layer_stack(weight_loader<Backend>& load, const model_config& config) : layers_(config.layers) {
        for (index i = 0; i < layers_; ++i)
            with_blocks_of(i, blocks_, [&](auto& blocks, std::size_t) {
                blocks.emplace_back(load, "backbone.layers." + std::to_string(i) + ".", config);
            });
    }

    /// Calls `f(i, block)` for every layer, in order.
    template <class F>
    void for_each(F&& f) const {
        for (index i = 0; i < layers_; ++i)
            with_blocks_of(i, blocks_, [&](const auto& blocks, std::size_t turn) { f(i, blocks[turn]); });
    }

    /// Of the weights.
    [[nodiscard]] index bytes() const {
        index sum = 0;
        for_each([&](index, const auto& layer) { sum += layer.bytes(); });
        return sum;
    }

    /// What the layers remember.
    [[nodiscard]] static state_shape<sizeof...(Archs)> shape(const model_config& config) {
        return {config.layers, {block<Backend, Archs>::mixer::shape(config)...}};
    }
    /// Workspace bytes that any one layer takes for this many tokens.
    [[nodiscard]] static index scratch(const model_config& config, index tokens) {
        return std::max({block<Backend, Archs>::scratch(config, tokens)...});
    }

    /// Whether every layer takes sequences of different lengths at once, can go back, and has a scan in the order of time.
    static constexpr bool mixes_all = (mixes_parts<typename block<Backend, Archs>::mixer, Backend> && ...);
    static constexpr bool replays_all = (replays<typename block<Backend, Archs>::mixer, Backend> && ...);
    static constexpr bool runs_in_order = (std::same_as<typename Archs::scan, sequential> && ...);

    /// Columns that the trace of any one layer takes.
    [[nodiscard]] static index trace_width(const model_config& config) requires replays_all {
        return std::max({block<Backend, Archs>::mixer::trace_width(config)...});
    }

private:
    using blocks_by_arch = std::tuple<std::vector<block<Backend, Archs>>...>;

    /// Calls `f(blocks, turn)` with all blocks of layer i's place in the pattern, and its own index among them.
    template <class Blocks, class F>
    static void with_blocks_of(index i, Blocks& blocks, F&& f) {
        const auto layer = static_cast<std::size_t>(i);
        [&]<std::size_t... Place>(std::index_sequence<Place...>) {
            ((layer % sizeof...(Archs) == Place ? f(std::get<Place>(blocks), layer / sizeof...(Archs)) : void()), ...);
        }
        (std::index_sequence_for<Archs...>());
    }

    index layers_;
    blocks_by_arch blocks_;
};

}  // namespace ssm
