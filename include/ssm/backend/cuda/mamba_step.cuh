// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/capabilities.hpp>
#include <ssm/backend/cuda/context.cuh>
#include <ssm/backend/cuda/conv_step.cuh>
#include <ssm/backend/cuda/few_rows_product.cuh>
#include <ssm/backend/cuda/matrix.cuh>
#include <ssm/backend/cuda/matvec.cuh>
#include <ssm/backend/cuda/norm.cuh>
#include <ssm/backend/cuda/state_step.cuh>
#include <ssm/backend/cuda/state_steps.cuh>
#include <ssm/core/view.hpp>

namespace ssm::cuda_kernels {

/// \file
/// One token through a Mamba-1 layer in four kernels, as many as there are points at which a token needs all of what came
/// before: norm and in_proj with the convolution; x_proj; the inner norms and dt_proj with the state update and the gate;
/// out_proj with the residual. Several sequences at once have their norm before in_proj to themselves.

/// Into how many sums x_proj is cut for several sequences: its outputs alone would leave most of the device idle.
inline constexpr int x_proj_parts = 4;

/// y = sum + bias, or y += sum + bias: both, so that x_proj and out_proj are one kernel, whose instructions are in the cache
/// when the second begins.
struct store_or_add_epilogue : add_epilogue {
    bool reads;

    __device__ const float* far_value(index row, index output, int i) const {
        return reads ? add_epilogue::far_value(row, output, i) : nullptr;
    }
};

template <class ConvState, class B, class X>
void mamba_step_alone(const context& on, const mamba_layer<B>& layer, matrix_view<float> residual,
                      const conv_step_epilogue<ConvState, X>& conv, const state_step<X>& step,
                      matrix_view<float> dt_b_c) {
    const matrix_view<const X> x = step.xz.columns(0, layer.a.columns());
    with_storage_type(layer.in_proj->type(), [&]<class W>(type_tag<W>) {
        const matrix_view<const float> gain(layer.norm_gain.data(), 1, layer.norm_gain.size());
        const normed_source source{plain_source_of(matrix_view<const float>(residual)), plain_source_of(gain),
                                   layer.norm_eps};
        matvec(on, "in_proj", layer.in_proj->template as<W>(), source, conv);
    });
    with_storage_type(layer.x_proj->type(), [&]<class W>(type_tag<W>) {
        matvec_across_depth(on, "x_proj", layer.x_proj->template as<W>(), x, store_epilogue<float>{dt_b_c, {}});
    });
    with_storage_type(layer.dt_proj->type(),
                      [&]<class W>(type_tag<W>) { state_step_alone(on, layer.dt_proj->template as<W>(), step); });
    with_storage_type(layer.out_proj->type(), [&]<class W>(type_tag<W>) {
        matvec(on, "out_proj", layer.out_proj->template as<W>(), plain_source_of(x),
               add_epilogue{residual, layer.out_bias}, true);
    });
}

template <class ConvState, class B, class X>
void mamba_step_together(const context& on, const mamba_layer<B>& layer, matrix_view<float> residual,
                         const conv_step_epilogue<ConvState, X>& conv, const state_step<X>& step, matrix_view<X> u,
                         matrix_view<float> dt_b_c) {
    const matrix_view<const X> x = step.xz.columns(0, layer.a.columns());
    rms_norm(on, matrix_view<const float>(residual), layer.norm_gain, layer.norm_eps, u);
    few_rows_product(on, "in_proj", layer.in_proj->template as<X>(), matrix_view<const X>(u), conv);
    few_rows_product(on, "x_proj", layer.x_proj->template as<X>(), x, store_or_add_epilogue{{dt_b_c, {}}, false},
                     x_proj_parts);
    state_steps_together<x_proj_parts>(on, layer.dt_proj->template as<X>(), step);
    few_rows_product(on, "out_proj", layer.out_proj->template as<X>(), x,
                     store_or_add_epilogue{{residual, layer.out_bias}, true});
}

/// Sequences that `mamba_step` takes at once.
template <class X, class B>
index most_steps(const context& on, const mamba_layer<B>& layer) {
    const cuda_matrix* const matrices[] = {layer.in_proj, layer.x_proj, layer.dt_proj, layer.out_proj};
    if (layer.taps.rows() > conv_step_epilogue<shift_window, X>::most_taps) return 0;
    index most = most_few_rows(on);
    for (const cuda_matrix* matrix : matrices) {
        if (matvec_shared_bytes(matrix->columns(), size_of(matrix->type())) > on.shared_bytes) return 0;
        // The tensor cores want both operands in one type and rows in whole packs.
        if (sizeof(X) != 2 || matrix->type() != dtype_of<X> || matrix->columns() % 8 != 0) most = 1;
    }
    const state_steps_layout<X> layout{static_cast<int>(layer.dt_proj->columns()), static_cast<int>(layer.a.rows())};
    return layout.states % 4 == 0 && layout.bytes() <= on.shared_bytes ? most : 1;  // B and C in whole packs
}

/// See `steps_mamba` in backend/capabilities.hpp.
template <class ConvState, class B, class X>
void mamba_step(const context& on, const mamba_layer<B>& layer, matrix_view<float> residual, matrix_view<float> window,
                index cursor, matrix_view<float> h, matrix_view<X> u, matrix_view<X> xz, matrix_view<float> dt_b_c) {
    const conv_step_epilogue<ConvState, X> conv{layer.in_bias, layer.taps, layer.conv_bias, window, cursor, xz};
    const state_step<X> step = state_step_of(layer, matrix_view<const float>(dt_b_c), h, xz);
    if (residual.rows() == 1) return mamba_step_alone(on, layer, residual, conv, step, dt_b_c);
    if constexpr (sizeof(X) == 2) mamba_step_together(on, layer, residual, conv, step, u, dt_b_c);
}

}  // namespace ssm::cuda_kernels
