// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cuda/activation.cuh>
#include <ssm/backend/cuda/element.cuh>
#include <ssm/core/view.hpp>

namespace ssm::cuda_kernels {

/// What follows in_proj for one output: the convolution of at most `most_taps` taps, SiLU and the window for x, nothing for z.
template <class ConvState, class X>
struct conv_step_epilogue {
    vector_view<const float> in_bias;    // (2 inner) or empty
    matrix_view<const float> taps;       // (K, inner)
    vector_view<const float> conv_bias;  // (inner) or empty
    matrix_view<float> window;           // (sequences * (K-1), inner)
    index cursor;
    matrix_view<X> xz;  // (sequences, 2 inner)

    static constexpr int most_taps = 4;

    struct constants {
        float in_bias = 0, bias = 0;
        float taps[most_taps] = {};
    };
    struct prepared {
        float seen[most_taps - 1] = {};  // oldest first
    };

    __device__ float& slot(index sequence, index age, index at, index ch) const {
        const index width = taps.rows() - 1;
        return window(sequence * width + ConvState::slot(age, width, at), ch);
    }

    static constexpr int far_lines = most_taps - 1;  // of the window
    __device__ void prefetch(index sequence, index output, int line) const {
        if (output < taps.columns() && line + 1 < taps.rows()) prefetch_line(&slot(sequence, line + 1, cursor, output));
    }

    __device__ constants constants_of(index output) const {
        constants c;
        if (!in_bias.empty()) c.in_bias = in_bias[output];
        if (output >= taps.columns()) return c;
        if (!conv_bias.empty()) c.bias = conv_bias[output];
#pragma unroll
        for (int k = 0; k < most_taps; ++k)
            if (k < taps.rows()) c.taps[k] = taps(k, output);
        return c;
    }

    __device__ prepared prepare(index sequence, index output) const {
        prepared p;
        const int width = static_cast<int>(taps.rows()) - 1;
        if (output >= taps.columns()) return p;
#pragma unroll
        for (int k = 0; k < most_taps - 1; ++k)
            if (k < width) p.seen[k] = slot(sequence, width - k, cursor, output);
        return p;
    }

    __device__ void finish(const constants& c, const prepared& p, index sequence, index output, float sum) const {
        float value = sum + c.in_bias;
        if (output < taps.columns()) value = convolved(c, p, sequence, output, value);
        xz(sequence, output) = narrow<X>(value);
    }

    __device__ float convolved(const constants& c, const prepared& p, index sequence, index ch, float value) const {
        const int width = static_cast<int>(taps.rows()) - 1;
        const index next_cursor = ConvState::advance(cursor, width, 1);
        float sum = c.bias;
#pragma unroll
        for (int k = 0; k < most_taps; ++k)
            if (k <= width) sum = __fmaf_rn(c.taps[k], k < width ? p.seen[k < most_taps - 1 ? k : 0] : value, sum);
#pragma unroll
        for (int k = 1; k < most_taps - 1; ++k)
            if (k < width) slot(sequence, width - k + 1, next_cursor, ch) = p.seen[k];
        if (width > 0) slot(sequence, 1, next_cursor, ch) = value;
        return silu_unit(sum);
    }
};

}  // namespace ssm::cuda_kernels
