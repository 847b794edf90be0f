// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/concepts.hpp>
#include <ssm/core/view.hpp>

#include <array>
#include <concepts>
#include <span>

namespace ssm {

/// \file
/// What a backend may offer beyond the contract: several of its operations in one, for speed. A model asks for each by
/// name and goes through the contract where it is absent; results agree within rounding. A backend that claims a
/// capability asserts the concept, so that a slip of the pen is an error and not a slow program.

/// The parameters of one Mamba-1 layer and the norm before it, in the backend's memory.
template <class B>
struct mamba_layer {
    vector_view<const float> norm_gain;  ///< (hidden)
    float norm_eps;
    const typename B::matrix* in_proj;   ///< (2 inner, hidden): x, then z
    vector_view<const float> in_bias;    ///< (2 inner) or empty
    matrix_view<const float> taps;       ///< (K, inner)
    vector_view<const float> conv_bias;  ///< (inner) or empty
    const typename B::matrix* x_proj;    ///< (R + 2N, inner): dt, B, C
    bool normalises_dt_b_c;
    float dt_b_c_eps;
    vector_view<const float> dt_gain;    ///< (R) or empty
    vector_view<const float> b_gain;     ///< (N) or empty
    vector_view<const float> c_gain;     ///< (N) or empty
    const typename B::matrix* dt_proj;   ///< (inner, R)
    vector_view<const float> dt_bias;    ///< (inner)
    matrix_view<const float> a;          ///< (N, inner), negative
    vector_view<const float> d;          ///< (inner)
    const typename B::matrix* out_proj;  ///< (hidden, inner)
    vector_view<const float> out_bias;   ///< (hidden) or empty
};

/// One token of each of `sequences` sequences through a whole layer, residual += mixer(rms_norm(residual)), for up to
/// `most_steps(layer)` sequences; residual (sequences, hidden), window (sequences * (K-1), inner), h (sequences * N, inner).
/// u (sequences, hidden), xz (sequences, 2 inner) and dt_b_c (step_parts * sequences, R + 2N) are scratch.
template <class B, class ConvState>
concept steps_mamba = requires(const B device, const mamba_layer<B>& layer, matrix_view<float> residual,
                               matrix_view<float> window, matrix_view<float> h, activations<B> u, activations<B> xz,
                               matrix_view<float> dt_b_c) {
    { B::step_parts } -> std::convertible_to<index>;
    { device.most_steps(layer) } -> std::same_as<index>;
    device.template mamba_step<ConvState>(layer, residual, window, index{}, h, u, xz, dt_b_c);
};

/// Root mean square norms of neighbouring ranges of columns, in place: `gains[i]` or 1 over `sizes[i]` columns.
template <class B>
concept normalises_parts = requires(const B device, activations<B> x, std::array<index, 3> sizes,
                                    std::array<vector_view<const float>, 3> gains, float eps) {
    device.rms_norm_parts(x, sizes, gains, eps);
};

/// Converts to R, and to nothing that R derives from: a member that takes a base of R would slice it.
template <class R>
struct exactly {
    template <std::same_as<R> T>
    operator const T&() const;
};

/// The scan of a recurrence with what surrounds it in a layer: raw.dt is softened first, and y is gated last, y silu(z).
/// `Softening` is what that takes: for `selective` a bias (channels), dt = softplus(raw.dt + bias); for `multihead_selective`
/// `limits`, dt = softplus(raw.dt) held to them. z and y (sequences * tokens, channels), h (sequences * states, channels).
/// Of R itself: what derives from it computes something else. The member has the recurrence it takes in its signature; a
/// template over recurrences is not one.
template <class B, class Policy, class R, class Softening>
concept fuses_gated_scan = requires(const B device, Policy policy, exactly<R> raw, Softening softening,
                                    const_activations<B> z, matrix_view<float> h, activations<B> y) {
    device.gated_scan(policy, raw, softening, z, h, index{1}, y);
};

}  // namespace ssm
