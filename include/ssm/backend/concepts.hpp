// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/dtype.hpp>
#include <ssm/core/limits.hpp>
#include <ssm/core/model_config.hpp>
#include <ssm/core/tensor.hpp>
#include <ssm/core/view.hpp>
#include <ssm/policy/conv_state.hpp>
#include <ssm/policy/recurrence.hpp>
#include <ssm/policy/scan.hpp>

#include <concepts>
#include <span>
#include <vector>

namespace ssm {

/// \file
/// The contract of a backend: everything a model asks of the machine it runs on, one requirement a concept.
///
/// Views point to the backend's memory. Activations have the backend's own type; sums, norms, the scan and its state, the
/// residual stream and logits are float everywhere. Shapes are checked where weights and tokens enter the model, so the
/// operations only assert them. Operations are const and may be called from several threads; on a stream they are
/// enqueued in order.
///
/// Several sequences may lie in one view, one after the other with equally many tokens each: an operation that looks
/// back in time is told how many, and their windows and states lie one after the other as well.

/// The type of activations: float, bf16 or f16.
template <class B>
concept names_activation = stored_element<typename B::activation>;

template <class B>
using activations = matrix_view<typename B::activation>;
template <class B>
using const_activations = matrix_view<const typename B::activation>;

/// `allocate<T>(count, purpose)`: zeroed memory as a value, or memory_error naming the purpose;
/// `upload<T>(values)`: host floats, rounded to T, in the backend's memory; `write(ids, to)`: the same for token ids, into
/// memory that is there; `copy(from, to)`: floats or activations from one place in the backend's memory to another of the
/// same shape; `download(view)`: floats or activations as host floats, row by row, once all work that writes them is done.
template <class B>
concept has_memory = requires(const B device, index count, std::span<const float> values, const_activations<B> view,
                              matrix_view<const float> floats, std::span<const token_id> ids, vector_view<token_id> to,
                              matrix_view<float> place, activations<B> narrow_place) {
    { device.template allocate<float>(count, "purpose") } -> std::same_as<typename B::template buffer<float>>;
    { device.template allocate<token_id>(count, "purpose") } -> std::same_as<typename B::template buffer<token_id>>;
    { device.template upload<float>(values) } -> std::same_as<typename B::template buffer<float>>;
    {
        device.template upload<typename B::activation>(values)
        } -> std::same_as<typename B::template buffer<typename B::activation>>;
    { device.download(view) } -> std::same_as<std::vector<float>>;
    { device.download(floats) } -> std::same_as<std::vector<float>>;
    device.write(ids, to);
    device.copy(floats, place);
    device.copy(view, narrow_place);
    requires std::regular<typename B::template buffer<float>>;
};

/// `upload_matrix(tensor, type)`: a weight matrix kept in `type`, in place where the backend can. The one way in for a dtype
/// that is a value: all else is uploaded as float. Throws argument_error for a dtype that the backend does not take.
/// `bytes_of(rows, columns, type)`: what `bytes()` of such a matrix would say; throws alike.
template <class B>
concept has_matrices = requires(const B device, const stored_tensor tensor, const typename B::matrix m) {
    { device.upload_matrix(tensor, dtype::bf16) } -> std::same_as<typename B::matrix>;
    { m.type() } -> std::same_as<dtype>;
    { m.rows() } -> std::same_as<index>;
    { m.columns() } -> std::same_as<index>;
    { m.bytes() } -> std::same_as<index>;
    { B::matrix::bytes_of(index{}, index{}, dtype::bf16) } -> std::same_as<index>;
    requires std::default_initializable<typename B::matrix>;
};

/// out[t] = table[ids[t]]; ids (tokens), out (tokens, columns of table). An id outside the table gives a row of NaN.
template <class B>
concept can_embed = requires(const B device, const typename B::matrix table, vector_view<const token_id> ids,
                             matrix_view<float> out) {
    device.embed(table, ids, out);
};

/// y = x w^T + bias, rounded or in float, and y += x w^T + bias in float; x (tokens, depth), w (outputs, depth), bias
/// (outputs) or empty, y (tokens, outputs).
/// Law: a row of y depends on its own row of x only, with the same bits whatever rows come with it, unless the backend
/// documents otherwise.
template <class B>
concept can_multiply = requires(const B device, const_activations<B> x, const typename B::matrix w,
                                vector_view<const float> bias, activations<B> y, matrix_view<float> floats) {
    device.multiply(x, w, bias, y);
    device.multiply(x, w, bias, floats);
    device.multiply_add(x, w, bias, floats);
};

/// y = x / sqrt(mean(x^2) + eps) * gain, a row at a time, of the residual stream or of activations; gain (columns) or
/// empty for 1; y may be x.
template <class B>
concept can_normalise = requires(const B device, matrix_view<const float> residual, const_activations<B> x,
                                 vector_view<const float> gain, float eps, activations<B> y) {
    device.rms_norm(residual, gain, eps, y);
    device.rms_norm(x, gain, eps, y);
};

/// y[t] = silu(bias + sum over k of taps[k] x[t - (K-1) + k]); earlier inputs come from the window, which is left holding
/// the last K-1 inputs. x, y (sequences * tokens, channels), distinct; taps (K, channels); window (sequences * (K-1),
/// channels).
template <class B, class ConvState>
concept can_convolve_with = requires(const B device, const_activations<B> x, vector_view<const float> bias,
                                     matrix_view<const float> taps, matrix_view<float> window, activations<B> y) {
    device.template causal_conv_silu<ConvState>(x, taps, bias, window, index{}, index{1}, y);
};
template <class B>
concept can_convolve = can_convolve_with<B, shift_window> && can_convolve_with<B, ring_window>;

/// x = log(1 + e^x), in place, of activations or of floats, which are then held to limits; x (tokens, columns).
template <class B>
concept can_soften = requires(const B device, activations<B> x, matrix_view<float> floats, limits held) {
    device.softplus(x);
    device.softplus(floats, held);
};

/// y = y silu(z), in place, both (tokens, channels).
template <class B>
concept can_gate = requires(const B device, const_activations<B> z, activations<B> y) {
    device.gate(z, y);
};

/// Runs a recurrence over tokens: h (sequences * states, channels) is read as the state before and left as the state after
/// them, y (sequences * tokens, channels); the recurrence counts tokens through all sequences. Law: every policy gives the
/// result of `math::selective_scan` within rounding, and running tokens in two calls the result of one.
template <class B, class Policy>
concept can_scan_with = scan_policy_on<Policy, B> &&
    requires(const B device, selective<float, typename B::activation> r, matrix_view<float> h, activations<B> y) {
    device.scan(Policy{}, r, h, index{1}, y);
};
template <class B>
concept can_scan = can_scan_with<B, sequential> && can_scan_with<B, chunked>;

/// All of the above: what `ssm::model` runs on.
template <class B>
concept backend = names_activation<B> && has_memory<B> && has_matrices<B> && can_embed<B> && can_multiply<B> &&
    can_normalise<B> && can_convolve<B> && can_soften<B> && can_gate<B> && can_scan<B>;

}  // namespace ssm
