// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/concepts.hpp>
#include <ssm/core/view.hpp>
#include <ssm/model/mixer_parameters.hpp>
#include <ssm/model/weight_loader.hpp>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace ssm {

/// A linear layer of a mixer, x w^T + bias: the weights in a matrix of the backend, the bias in float or absent.
/// The constructors throw as `weight_loader` does: format_error naming the tensor that is missing or of another shape, and
/// memory_error.
template <class Backend>
class projection {
    using matrix = typename Backend::matrix;
    using vector = typename Backend::template buffer<float>;

public:
    /// Takes `name` + ".weight", (outputs, inputs), and `name` + ".bias" where it has one.
    projection(weight_loader<Backend>& load, const std::string& name, index outputs, index inputs, bool has_bias)
        : weight_(load.matrix(name + ".weight", outputs, inputs)),
          bias_(load.vector_if(has_bias, name + ".bias", outputs)) {}

    /// Outputs [first, first + count) of such a layer as one of their own; `added` (count) or empty goes on top of the bias.
    projection(weight_loader<Backend>& load, const std::string& name, index outputs, index inputs, bool has_bias,
               index first, index count, std::vector<float> added = {})
        : weight_(load.matrix_rows(name + ".weight", outputs, inputs, first, count)) {
        if (has_bias) {
            const std::vector<float> all = load.values(name + ".bias", {outputs});
            added.resize(static_cast<std::size_t>(count));
            std::transform(added.begin(), added.end(), all.begin() + first, added.begin(), std::plus<>());
        }
        bias_ = load.upload(added);
    }

    /// y = x w^T + bias, in activations or in float.
    template <class Y>
    void multiply(const Backend& device, const_activations<Backend> x, matrix_view<Y> y) const {
        device.multiply(x, weight_, bias(), y);
    }
    /// y += x w^T + bias.
    void multiply_add(const Backend& device, const_activations<Backend> x, matrix_view<float> y) const {
        device.multiply_add(x, weight_, bias(), y);
    }

    [[nodiscard]] const matrix& weight() const noexcept { return weight_; }
    /// (outputs) or empty
    [[nodiscard]] vector_view<const float> bias() const { return view_of(bias_); }
    /// Of backend memory.
    [[nodiscard]] index bytes() const { return weight_.bytes() + bytes_of(bias_); }

private:
    matrix weight_;
    vector bias_;
};

}  // namespace ssm
