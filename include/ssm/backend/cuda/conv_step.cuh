// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cuda/activation.cuh>
#include <ssm/backend/cuda/element.cuh>
#include <ssm/core/view.hpp>

namespace ssm::cuda_kernels {

/// What follows in_proj for one output: the convolution, SiLU and the window for x, nothing for z.
template <class ConvState, class X>
struct conv_step_epilogue {
    vector_view<const float> in_bias;    // (2 inner) or empty
    matrix_view<const float> taps;       // (K, inner)
    vector_view<const float> conv_bias;  // (inner) or empty
    matrix_view<float> window;           // (sequences * (K-1), inner)
    index cursor;
    matrix_view<X> xz;  // (sequences, 2 inner)

    static constexpr int most_taps = 4;  // that are read ahead

    struct prepared {
        float bias = 0;
        float taps[most_taps] = {};
        float seen[most_taps - 1] = {};  // oldest first
    };

    __device__ float& slot(index sequence, index age, index at, index ch) const {
        const index width = taps.rows() - 1;
        return window(sequence * width + ConvState::slot(age, width, at), ch);
    }

    __device__ prepared prepare(index sequence, index output) const {
        prepared p;
        const int width = static_cast<int>(taps.rows()) - 1;
        if (output >= taps.columns() || width >= most_taps) return p;
        p.bias = conv_bias.empty() ? 0.0F : conv_bias[output];
#pragma unroll
        for (int k = 0; k < most_taps; ++k) {
            if (k <= width) p.taps[k] = taps(k, output);
            if (k < width) p.seen[k] = slot(sequence, width - k, cursor, output);
        }
        return p;
    }

    __device__ void finish(const prepared& p, index sequence, index output, float sum) const {
        float value = in_bias.empty() ? sum : sum + in_bias[output];
        if (output < taps.columns())
            value = taps.rows() <= most_taps ? convolved(p, sequence, output, value)
                                             : convolved_from_memory(sequence, output, value);
        xz(sequence, output) = narrow<X>(value);
    }

    __device__ float convolved(const prepared& p, index sequence, index ch, float value) const {
        const int width = static_cast<int>(taps.rows()) - 1;
        const index next_cursor = ConvState::advance(cursor, width, 1);
        float sum = p.bias;
#pragma unroll
        for (int k = 0; k < most_taps; ++k)
            if (k <= width) sum = __fmaf_rn(p.taps[k], k < width ? p.seen[k < most_taps - 1 ? k : 0] : value, sum);
#pragma unroll
        for (int k = 1; k < most_taps; ++k)
            if (k < width) slot(sequence, width - k + 1, next_cursor, ch) = p.seen[k];
        if (width > 0) slot(sequence, 1, next_cursor, ch) = value;
        return silu_unit(sum);
    }

    __device__ float convolved_from_memory(index sequence, index ch, float value) const {
        const index width = taps.rows() - 1;
        const index next_cursor = ConvState::advance(cursor, width, 1);
        float sum = conv_bias.empty() ? 0.0F : conv_bias[ch];
        for (index k = 0; k < width; ++k) sum = __fmaf_rn(taps(k, ch), slot(sequence, width - k, cursor, ch), sum);
        sum = __fmaf_rn(taps(width, ch), value, sum);
        // Oldest first: a row is read before it is overwritten.
        for (index age = width; age >= 2; --age)
            slot(sequence, age, next_cursor, ch) = slot(sequence, age - 1, cursor, ch);
        slot(sequence, 1, next_cursor, ch) = value;
        return silu_unit(sum);
    }
};

}  // namespace ssm::cuda_kernels
