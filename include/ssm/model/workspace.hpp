// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/concepts.hpp>
#include <ssm/core/error.hpp>

#include <string>

namespace ssm {

/// Elements that a (rows, columns) matrix takes in a workspace: whole 128-element lines, so that each starts aligned.
[[nodiscard]] constexpr index scratch_size(index rows, index columns) noexcept {
    return (rows * columns + 127) / 128 * 128;
}

/// Scratch memory for one call of `model::forward` at a time: activations are taken from it like plates from a stack.
/// Made once, it serves any number of calls of up to `capacity()` tokens without allocating.
template <class Backend>
class workspace {
public:
    using activation = typename Backend::activation;

    /// Room for `elements` activations, enough for calls of `tokens` tokens. Throws memory_error.
    workspace(const Backend& device, index tokens, index elements)
        : tokens_(tokens), memory_(device.template allocate<activation>(elements, "workspace")) {}

    [[nodiscard]] index capacity() const noexcept { return tokens_; }
    [[nodiscard]] index bytes() const noexcept { return size() * static_cast<index>(sizeof(activation)); }

    /// Uninitialised (rows, columns). Throws memory_error when a mixer takes more than its `scratch` announced.
    [[nodiscard]] matrix_view<activation> take(index rows, index columns) {
        const index first = used_;
        used_ += scratch_size(rows, columns);
        if (used_ > size())
            throw memory_error({"workspace",
                                {},
                                std::to_string(used_) + " elements taken",
                                std::to_string(size()) + " elements",
                                "the mixer's scratch() must announce all it takes"});
        return matrix_view<activation>(memory_.data() + first, rows, columns);
    }

    [[nodiscard]] index mark() const noexcept { return used_; }
    /// Gives back all that was taken since `mark`.
    void rewind(index mark) noexcept { used_ = mark; }

private:
    [[nodiscard]] index size() const noexcept { return static_cast<index>(memory_.size()); }

    index tokens_;
    index used_ = 0;
    typename Backend::template buffer<activation> memory_;
};

}  // namespace ssm
