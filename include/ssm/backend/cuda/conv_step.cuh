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

    [[nodiscard]] __device__ int width() const { return static_cast<int>(taps.rows()) - 1; }
    [[nodiscard]] __device__ float* window_of(index sequence, index ch) const {
        return window.data() + sequence * width() * window.stride() + ch;
    }
    /// From a sequence's window to its input `age` tokens back, in elements.
    [[nodiscard]] __device__ int offset(int age, index at) const {
        return static_cast<int>(ConvState::slot(age, width(), at)) * static_cast<int>(window.stride());
    }

    static constexpr int far_lines = most_taps - 1;  // of the window
    __device__ void prefetch(index sequence, index output, int line) const {
        if (output < taps.columns() && line < width())
            prefetch_line(window_of(sequence, output) + offset(line + 1, cursor));
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
        if (output >= taps.columns()) return p;
        const float* const kept = window_of(sequence, output);
#pragma unroll
        for (int k = 0; k < most_taps - 1; ++k)
            if (k < width()) p.seen[k] = kept[offset(width() - k, cursor)];
        return p;
    }

    __device__ void finish(const constants& c, const prepared& p, index sequence, index output, float sum) const {
        float value = sum + c.in_bias;
        if (output < taps.columns()) value = convolved(c, p, sequence, output, value);
        xz(sequence, output) = narrow<X>(value);
    }

    __device__ float convolved(const constants& c, const prepared& p, index sequence, index ch, float value) const {
        const index next_cursor = ConvState::advance(cursor, width(), 1);
        float* const kept = window_of(sequence, ch);
        float sum = c.bias;
#pragma unroll
        for (int k = 0; k < most_taps; ++k)
            if (k <= width()) sum = __fmaf_rn(c.taps[k], k < width() ? p.seen[k < most_taps - 1 ? k : 0] : value, sum);
#pragma unroll
        for (int k = 1; k < most_taps - 1; ++k)
            if (k < width()) kept[offset(width() - k + 1, next_cursor)] = p.seen[k];
        if (width() > 0) kept[offset(1, next_cursor)] = value;
        return silu_unit(sum);
    }
};

}  // namespace ssm::cuda_kernels
