// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/concepts.hpp>
#include <ssm/core/model_config.hpp>

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace ssm {

/// Columns of a trace that `count` floats take: as many activations as have their size.
template <class Backend>
[[nodiscard]] constexpr index traced_floats(index count) noexcept {
    return count * index{sizeof(float)} / index{sizeof(typename Backend::activation)};
}
/// The floats that take the place of activations from an even column on, (tokens, count).
template <class T>
[[nodiscard]] auto floats_of(matrix_view<T> trace, index column, index count) {
    using floats = std::conditional_t<std::is_const_v<T>, const float, float>;
    assert(column * index{sizeof(T)} % index{sizeof(float)} == 0 &&
           trace.stride() * index{sizeof(T)} % index{sizeof(float)} == 0);
    return matrix_view<floats>::with_stride(reinterpret_cast<floats*>(trace.data() + column), trace.rows(), count,
                                            trace.stride() * index{sizeof(T)} / index{sizeof(float)});
}

/// Copies a mixer's views into the columns of its trace, each behind the one before, in the order in which `replay` reads them;
/// nothing if there is no trace. Floats that are not activations begin at an even column.
template <class Backend, class... Ts>
void keep(const Backend& device, activations<Backend> trace, const matrix_view<Ts>&... views) {
    if (trace.empty()) return;
    index column = 0;
    const auto add = [&]<class T>(const matrix_view<T>& view) {
        if constexpr (std::is_same_v<std::remove_const_t<T>, typename Backend::activation>) {
            device.copy(view, trace.columns(column, view.columns()));
            column += view.columns();
        } else {
            device.copy(view, floats_of(trace, column, view.columns()));
            column += traced_floats<Backend>(view.columns());
        }
    };
    (add(views), ...);
}

/// What moved a model's state on over some successive tokens of one sequence: for each token and layer a row of what the
/// mixer says, in the backend's type of activations, and the tokens' ids. From the state before them it gives the state
/// after each of them, without the weights.
template <class Backend>
class trace {
public:
    using activation = typename Backend::activation;

    /// Room for `capacity` tokens; `width` is the mixer's. Throws memory_error.
    trace(const Backend& device, index layers, index width, index capacity)
        : layers_(layers), width_(width), capacity_(capacity) {
        // Floats, because backends have memory of these; an activation is no larger.
        memory_ = device.template allocate<float>(layers * capacity * row_floats(width_), "trace");
        ids_.reserve(static_cast<std::size_t>(capacity));
    }

    [[nodiscard]] index size() const noexcept { return static_cast<index>(ids_.size()); }
    [[nodiscard]] index room() const noexcept { return capacity_ - size(); }
    [[nodiscard]] std::span<const token_id> ids() const noexcept { return ids_; }
    /// Bytes of backend memory.
    [[nodiscard]] index bytes() const noexcept { return bytes_of(layers_, width_, capacity_); }
    [[nodiscard]] static constexpr index bytes_of(index layers, index width, index capacity) noexcept {
        return layers * capacity * row_floats(width) * index{sizeof(float)};
    }

    /// Rows [first, first + count) of a layer, (count, width), those that `add` is still to count included.
    [[nodiscard]] matrix_view<activation> layer(index i, index first, index count) noexcept {
        return matrix_view<activation>::with_stride(
            reinterpret_cast<activation*>(memory_.data() + row(i, first, count)), count, width_,
            row_floats(width_) * per_float);
    }
    [[nodiscard]] matrix_view<const activation> layer(index i, index first, index count) const noexcept {
        return matrix_view<const activation>::with_stride(
            reinterpret_cast<const activation*>(memory_.data() + row(i, first, count)), count, width_,
            row_floats(width_) * per_float);
    }

    /// Counts rows that were written after the last one.
    void add(std::span<const token_id> ids) { ids_.insert(ids_.end(), ids.begin(), ids.end()); }
    /// Forgets all but the first `count` tokens.
    void keep_first(index count) noexcept { ids_.resize(static_cast<std::size_t>(count)); }
    /// Forgets the first `count` tokens.
    void drop_first(const Backend& device, index count) {
        // In pieces that do not overlap their new place.
        for (index from = count; count > 0 && from < size(); from += count) {
            const index rows = std::min(count, size() - from);
            for (index i = 0; i < layers_; ++i)
                device.copy(std::as_const(*this).layer(i, from, rows), layer(i, from - count, rows));
        }
        ids_.erase(ids_.begin(), ids_.begin() + count);
    }

private:
    static constexpr index per_float = index{sizeof(float)} / index{sizeof(activation)};

    /// Rows begin at multiples of 16 bytes, as kernels like them.
    [[nodiscard]] static constexpr index row_floats(index width) noexcept {
        return (width * index{sizeof(activation)} + 15) / 16 * 4;
    }
    /// Where a row begins in memory_, `count` of which are there.
    [[nodiscard]] index row(index layer, index first, [[maybe_unused]] index count) const noexcept {
        assert(first >= 0 && count >= 0 && first + count <= capacity_);
        return (layer * capacity_ + first) * row_floats(width_);
    }

    index layers_;
    index width_;
    index capacity_;
    typename Backend::template buffer<float> memory_;
    std::vector<token_id> ids_;
};

}  // namespace ssm
