// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/concepts.hpp>
#include <ssm/core/error.hpp>
#include <ssm/core/model_config.hpp>

#include <string>

namespace ssm {

/// Bytes that a (rows, columns) matrix of T takes in a workspace: whole lines of 512, so that each starts aligned.
template <class T>
[[nodiscard]] constexpr index scratch_size(index rows, index columns) noexcept {
    return (rows * columns * index{sizeof(T)} + 511) / 512 * 512;
}

/// Scratch memory for one call of `model::forward` at a time: matrices are taken from it like plates from a stack.
/// Made once, it serves any number of calls of up to `capacity()` tokens without allocating.
template <class Backend>
class workspace {
public:
    using activation = typename Backend::activation;

    /// Room for `bytes` of scratch, enough for calls of `tokens` tokens, and for their ids. Throws memory_error.
    workspace(const Backend& device, index tokens, index bytes)
        : ids_(device.template allocate<token_id>(tokens, "token ids")),
          memory_(device.template allocate<float>(bytes / index{sizeof(float)}, "workspace")) {}

    /// Tokens, of all sequences together.
    [[nodiscard]] index capacity() const noexcept { return static_cast<index>(ids_.size()); }
    [[nodiscard]] index bytes() const noexcept { return size() + capacity() * index{sizeof(token_id)}; }

    /// Where the ids of a call lie in the backend's memory.
    [[nodiscard]] vector_view<token_id> ids(index tokens) { return vector_view<token_id>(ids_.data(), tokens); }

    /// Uninitialised (rows, columns). Throws memory_error when a mixer takes more than its `scratch` announced.
    template <class T = activation>
    [[nodiscard]] matrix_view<T> take(index rows, index columns) {
        const index first = used_;
        used_ += scratch_size<T>(rows, columns);
        if (used_ > size())
            throw memory_error({"workspace",
                                {},
                                std::to_string(used_) + " bytes taken",
                                std::to_string(size()) + " bytes",
                                "the mixer's scratch() must announce all it takes"});
        return matrix_view<T>(reinterpret_cast<T*>(memory_.data() + first / index{sizeof(float)}), rows, columns);
    }

    [[nodiscard]] index mark() const noexcept { return used_; }
    /// Gives back all that was taken since `mark`.
    void rewind(index mark) noexcept { used_ = mark; }

private:
    [[nodiscard]] index size() const noexcept { return static_cast<index>(memory_.size()) * index{sizeof(float)}; }

    index used_ = 0;
    typename Backend::template buffer<token_id> ids_;
    typename Backend::template buffer<float> memory_;
};

}  // namespace ssm
