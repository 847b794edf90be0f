// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cuda/activation.cuh>
#include <ssm/backend/cuda/element.cuh>
#include <ssm/backend/cuda/epilogue.cuh>
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
    static constexpr int far_values = most_taps - 1;  // of the window, oldest first
    using prepared = far_floats<far_values>;

    [[nodiscard]] __device__ int width() const { return static_cast<int>(taps.rows()) - 1; }
    [[nodiscard]] __device__ float* window_of(index sequence, index ch) const {
        return window.data() + sequence * width() * window.stride() + ch;
    }
    /// From a sequence's window to its input `age` tokens back, in elements.
    [[nodiscard]] __device__ int offset(int age, index at) const {
        return static_cast<int>(ConvState::slot(age, width(), at)) * static_cast<int>(window.stride());
    }

    __device__ const float* far_value(index sequence, index output, int k) const {
        if (output >= taps.columns() || k >= width()) return nullptr;
        return window_of(sequence, output) + offset(width() - k, cursor);
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
#pragma unroll
        for (int k = 0; k < far_values; ++k)
            if (const float* const at = far_value(sequence, output, k)) p.value[k] = *at;
        return p;
    }

    __device__ void finish(const constants& c, const prepared& p, index sequence, index output, float sum) const {
        float value = sum + c.in_bias;
        if (output < taps.columns()) {
            each_kept([&](int k, int at) { window_of(sequence, output)[at] = k < far_values ? p.value[k] : value; });
            value = convolved(c, p, value);
        }
        xz(sequence, output) = narrow<X>(value);
    }

    [[nodiscard]] bool ends_packs() const {
        return taps.columns() % 4 == 0 && holds_packs(window.data(), window.stride()) &&
               holds_packs(xz.data(), xz.stride());
    }
    __device__ void finish_four(const constants (&c)[4], const prepared (&p)[4], index sequence, index output,
                                const float (&sum)[4]) const {
        float value[4];
#pragma unroll
        for (int j = 0; j < 4; ++j) value[j] = sum[j] + c[j].in_bias;
        if (output < taps.columns()) {
            each_kept([&](int k, int at) {
                const auto kept = [&](int j) { return k < far_values ? p[j].value[k] : value[j]; };
                store_four(window_of(sequence, output) + at, kept(0), kept(1), kept(2), kept(3));
            });
#pragma unroll
            for (int j = 0; j < 4; ++j) value[j] = convolved(c[j], p[j], value[j]);
        }
        store_four(&xz(sequence, output), value[0], value[1], value[2], value[3]);
    }

    /// Calls `keep(k, place)` for what the window holds afterwards: inputs 1 .. far_values - 1 of those before, counted from the
    /// oldest, and last the new one, as `far_values`.
    template <class Keep>
    __device__ void each_kept(const Keep& keep) const {
        const index next_cursor = ConvState::advance(cursor, width(), 1);
#pragma unroll
        for (int k = 1; k < far_values; ++k)
            if (k < width()) keep(k, offset(width() - k + 1, next_cursor));
        if (width() > 0) keep(far_values, offset(1, next_cursor));
    }

    __device__ float convolved(const constants& c, const prepared& p, float value) const {
        float sum = c.bias;
#pragma unroll
        for (int k = 0; k < most_taps; ++k)
            if (k <= width()) sum = __fmaf_rn(c.taps[k], k < width() ? p.value[k < far_values ? k : 0] : value, sum);
        return silu_unit(sum);
    }
};

}  // namespace ssm::cuda_kernels
