// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cuda/element.cuh>
#include <ssm/core/view.hpp>

namespace ssm::cuda_kernels {

/// \file
/// What becomes of the outputs of a product. An epilogue has `constants_of` an output and `finish`, which gets the sum of one
/// output of one row, and what it needs of that from far away: the floats that `far_value` points to, one of `far_values` each,
/// null where there is none. The products of one row read these by `prepare` while the weights are on their way; that of a
/// few rows brings them itself in the end.
///
/// `finish_four` gets the sums of four neighbouring outputs from a multiple of four on. `ends_packs` allows it: each `far_value` is
/// then null for all four or points to 16 aligned bytes of theirs, and what is written lies in packs as well.

/// What an epilogue needs of one output of one row from far away.
template <int Count>
struct far_floats {
    float value[Count] = {};
};

/// y = sum + bias.
template <class Y>
struct store_epilogue {
    matrix_view<Y> y;
    vector_view<const float> bias;

    static constexpr bool adds = false;
    using constants = float;
    struct prepared {};
    static constexpr int far_values = 0;
    __device__ float constants_of(index output) const { return bias.empty() ? 0.0F : bias[output]; }
    __device__ prepared prepare(index, index) const { return {}; }
    __device__ void finish(float added, prepared, index row, index output, float sum) const {
        y(row, output) = narrow<Y>(sum + added);
    }
    [[nodiscard]] bool ends_packs() const { return holds_packs(y.data(), y.stride()); }
    __device__ void finish_four(const float (&added)[4], const prepared (&)[4], index row, index output,
                                const float (&sum)[4]) const {
        store_four(&y(row, output), sum[0] + added[0], sum[1] + added[1], sum[2] + added[2], sum[3] + added[3]);
    }
};

/// y += sum + bias.
struct add_epilogue {
    matrix_view<float> y;
    vector_view<const float> bias;

    static constexpr bool adds = true;
    using constants = float;
    static constexpr int far_values = 1;
    using prepared = far_floats<far_values>;
    __device__ const float* far_value(index row, index output, int) const { return &y(row, output); }
    __device__ float constants_of(index output) const { return bias.empty() ? 0.0F : bias[output]; }
    __device__ prepared prepare(index row, index output) const { return {{y(row, output)}}; }
    __device__ void finish(float added, const prepared& before, index row, index output, float sum) const {
        y(row, output) = sum + (before.value[0] + added);
    }
    [[nodiscard]] bool ends_packs() const { return holds_packs(y.data(), y.stride()); }
    __device__ void finish_four(const float (&added)[4], const prepared (&before)[4], index row, index output,
                                const float (&sum)[4]) const {
        const auto all = [&](int j) { return sum[j] + (before[j].value[0] + added[j]); };
        store_four(&y(row, output), all(0), all(1), all(2), all(3));
    }
};

}  // namespace ssm::cuda_kernels
