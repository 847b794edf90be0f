// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cuda/context.cuh>
#include <ssm/backend/cuda/convolution.cuh>
#include <ssm/backend/cuda/elementwise.cuh>
#include <ssm/backend/cuda/elementwise_scan.cuh>
#include <ssm/backend/cuda/multihead_scan.cuh>
#include <ssm/backend/cuda/selective_scan.cuh>
#include <ssm/backend/cuda/state_space_dual.cuh>
#include <ssm/core/limits.hpp>
#include <ssm/core/view.hpp>
#include <ssm/math/activation.hpp>
#include <ssm/policy/execution.hpp>
#include <ssm/policy/recurrence.hpp>
#include <ssm/policy/scan.hpp>

#include <algorithm>
#include <type_traits>

namespace ssm {

template <class Activation, class Execution>
class basic_cuda;

/// Channels in parallel, time in order.
template <class Activation, class Execution>
struct scan_kernel<sequential, basic_cuda<Activation, Execution>> {
    template <recurrence R>
    static void run(const cuda_kernels::context& on, sequential, const R& r, matrix_view<float> h, index sequences,
                    matrix_view<Activation> y) {
        if constexpr (std::is_same_v<R, selective<float, Activation>>)
            if (cuda_kernels::holds_selective_states(r))
                return cuda_kernels::selective_scan<false, Activation>(on, {r, {}, {}, h, y, y.rows() / sequences},
                                                                       sequences);
        if constexpr (std::is_same_v<R, multihead_selective<float, Activation>>)
            if (cuda_kernels::holds_multihead_states(r))
                return cuda_kernels::multihead_scan<false, Activation>(on, r, {}, {}, h, sequences, y);
        cuda_kernels::scan_in_order(on, r, h, sequences, y);
    }
};

/// Time in parallel within each chunk.
template <class Activation, class Execution>
struct scan_kernel<chunked, basic_cuda<Activation, Execution>> {
    template <recurrence R>
    static void run(const cuda_kernels::context& on, chunked policy, const R& r, matrix_view<float> h, index sequences,
                    matrix_view<Activation> y) {
        cuda_kernels::scan_in_parallel(on, length_of(policy), r, h, sequences, y);
    }
};

namespace cuda_kernels {

/// Tokens of a sequence from which on a policy that takes chunks of them is worth what it prepares.
inline constexpr index worth_preparing = 8;

}  // namespace cuda_kernels

/// Channels and the tokens of a block in parallel, blocks in the order of time. A few tokens, and more states than there is
/// shared memory for, go as in `sequential`.
template <class Activation, class Execution>
struct scan_kernel<convolution, basic_cuda<Activation, Execution>> {
    template <recurrence R>
    static void run(const cuda_kernels::context& on, convolution policy, const R& r, matrix_view<float> h,
                    index sequences, matrix_view<Activation> y) {
        static_assert(time_invariant<R>,
                      "ssm: only a time-invariant recurrence runs as a convolution: it has unit_step(ch, n) and "
                      "input(t, ch), see policy/recurrence.hpp; others run with ssm::sequential or ssm::chunked");
        const index length = std::min(length_of(policy), index{cuda_kernels::convolution_tile::tokens});
        if (y.rows() < cuda_kernels::worth_preparing * sequences ||
            cuda_kernels::convolution_bytes(h.rows() / sequences, length) > on.shared_bytes)
            return scan_kernel<sequential, basic_cuda<Activation, Execution>>::run(on, {}, r, h, sequences, y);
        cuda_kernels::convolve(on, length, r, h, sequences, y);
    }
};

/// Heads in parallel, chunks in the order of time. A few tokens, heads of more than 128 states, and any on
/// a device with less than 121 KiB of shared memory a block, go as in `sequential`.
template <class Activation, class Execution>
struct scan_kernel<state_space_dual, basic_cuda<Activation, Execution>> {
    template <recurrence R>
    static void run(const cuda_kernels::context& on, state_space_dual policy, const R& r, matrix_view<float> h,
                    index sequences, matrix_view<Activation> y) {
        static_assert(decays_by_head<R>,
                      "ssm: state_space_dual takes a recurrence with one decay a head: see decays_by_head in "
                      "policy/recurrence.hpp");
        const index length = length_of(policy);
        if (y.rows() < cuda_kernels::worth_preparing * sequences ||
            !cuda_kernels::holds_dual_states(on, h.rows() / sequences))
            return scan_kernel<sequential, basic_cuda<Activation, Execution>>::run(on, {}, r, h, sequences, y);
        cuda_kernels::dual_scan(on, length, r, h, sequences, y);
    }
};

namespace cuda_kernels {

/// A selective recurrence whose dt still wants its bias and softplus, for the elementwise kernels.
template <class X>
struct softened {
    using scalar = float;
    selective<float, X> raw;
    vector_view<const float> dt_bias;  // (channels)

    [[nodiscard]] SSM_HD affine<float> transition(index t, index ch, index n) const {
        using std::exp;
        const float dt = math::softplus(static_cast<float>(raw.dt(t, ch)) + dt_bias[ch]);
        return {exp(dt * raw.a(n, ch)), dt * static_cast<float>(raw.x(t, ch)) * static_cast<float>(raw.b(t, n))};
    }
    [[nodiscard]] SSM_HD float readout(index t, index ch, index n) const { return raw.readout(t, ch, n); }
    [[nodiscard]] SSM_HD float skip(index t, index ch) const { return raw.skip(t, ch); }
};

/// softplus(dt + dt_bias), the scan, and y silu(z); see `fuses_gated_scan` in backend/capabilities.hpp.
template <class Policy, class X>
void gated_scan(const context& on, Policy policy, const selective<float, X>& r, vector_view<const float> dt_bias,
                matrix_view<const X> z, matrix_view<float> h, index sequences, matrix_view<X> y) {
    if constexpr (std::is_same_v<Policy, sequential>)
        if (holds_selective_states(r))
            return selective_scan<true, X>(on, {r, dt_bias, z, h, y, y.rows() / sequences}, sequences);
    scan_kernel<Policy, basic_cuda<X, quickest>>::run(on, policy, softened<X>{r, dt_bias}, h, sequences, y);
    gate(on, z, y);
}

/// A recurrence of heads whose dt still wants its softplus and its limits.
template <class X>
struct softened_heads {
    using scalar = float;
    multihead_selective<float, X> raw;
    limits dt_limits;

    [[nodiscard]] SSM_HD affine<float> transition(index t, index ch, index n) const {
        using std::exp;
        const index head = raw.head_of(ch);
        const float dt = dt_limits.hold(math::softplus(raw.dt(t, head)));
        return {exp(dt * raw.a[head]),
                dt * static_cast<float>(raw.x(t, ch)) * static_cast<float>(raw.b(t, raw.column_of(ch, n)))};
    }
    [[nodiscard]] SSM_HD float readout(index t, index ch, index n) const { return raw.readout(t, ch, n); }
    [[nodiscard]] SSM_HD float skip(index t, index ch) const { return raw.skip(t, ch); }
};

/// softplus(dt), held to limits, the scan, and y silu(z).
template <class X>
void gated_scan(const context& on, sequential, const multihead_selective<float, X>& r, const limits& dt_limits,
                matrix_view<const X> z, matrix_view<float> h, index sequences, matrix_view<X> y) {
    if (holds_multihead_states(r)) return multihead_scan<true, X>(on, r, dt_limits, z, h, sequences, y);
    scan_in_order(on, softened_heads<X>{r, dt_limits}, h, sequences, y);
    gate(on, z, y);
}

}  // namespace cuda_kernels
}  // namespace ssm
