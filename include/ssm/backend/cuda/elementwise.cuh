// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cuda/context.cuh>
#include <ssm/backend/cuda/element.cuh>
#include <ssm/core/limits.hpp>
#include <ssm/core/model_config.hpp>
#include <ssm/core/view.hpp>
#include <ssm/math/activation.hpp>

namespace ssm::cuda_kernels {

/// Calls `work(row, column)` for every element of a (rows, columns) matrix, neighbouring columns on neighbouring threads.
template <class Work>
__device__ void for_each_element(index rows, index columns, const Work& work) {
    const index step = static_cast<index>(gridDim.x) * blockDim.x;
    for (index i = static_cast<index>(blockIdx.x) * blockDim.x + threadIdx.x; i < rows * columns; i += step)
        work(i / columns, i % columns);
}

inline launch_shape shape_for_elements(index count) {
    constexpr index most_blocks = 1 << 16;
    const index blocks = blocks_for(count, 256);
    return {.grid = dim3(static_cast<unsigned>(blocks < most_blocks ? blocks : most_blocks)), .threads = 256};
}

template <class W>
__global__ void embed_kernel(matrix_view<const W> table, vector_view<const token_id> ids, matrix_view<float> out) {
    for_each_element(out.rows(), out.columns(), [&](index t, index i) {
        const token_id id = ids[t];
        const bool known = id >= 0 && id < table.rows();
        out(t, i) = known ? widen(table(id, i)) : __int_as_float(0x7fc00000);
    });
}

/// out[t] = table[ids[t]], widened, or NaN for an id outside the table.
template <class W>
void embed(const context& on, matrix_view<const W> table, vector_view<const token_id> ids, matrix_view<float> out) {
    launch(on, "embed", embed_kernel<W>, shape_for_elements(out.size()), table, ids, out);
}

template <class Y>
__global__ void add_bias_kernel(vector_view<const float> bias, matrix_view<Y> y) {
    for_each_element(y.rows(), y.columns(), [&](index t, index i) { y(t, i) = narrow<Y>(widen(y(t, i)) + bias[i]); });
}

/// y += bias, in every row.
template <class Y>
void add_bias(const context& on, vector_view<const float> bias, matrix_view<Y> y) {
    launch(on, "add_bias", add_bias_kernel<Y>, shape_for_elements(y.size()), bias, y);
}

template <class X>
__global__ void softplus_kernel(matrix_view<X> x, limits held) {
    for_each_element(x.rows(), x.columns(),
                     [&](index t, index i) { x(t, i) = narrow<X>(held.hold(math::softplus(widen(x(t, i))))); });
}

/// x = softplus(x), held to limits, in place.
template <class X>
void softplus(const context& on, matrix_view<X> x, const limits& held) {
    launch(on, "softplus", softplus_kernel<X>, shape_for_elements(x.size()), x, held);
}

template <class X>
__global__ void gate_kernel(matrix_view<const X> z, matrix_view<X> y) {
    for_each_element(y.rows(), y.columns(),
                     [&](index t, index i) { y(t, i) = narrow<X>(widen(y(t, i)) * math::silu(widen(z(t, i)))); });
}

/// y = y silu(z), in place.
template <class X>
void gate(const context& on, matrix_view<const X> z, matrix_view<X> y) {
    launch(on, "gate", gate_kernel<X>, shape_for_elements(y.size()), z, y);
}

}  // namespace ssm::cuda_kernels
