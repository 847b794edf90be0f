// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/capabilities.hpp>
#include <ssm/backend/concepts.hpp>
#include <ssm/math.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/random_matrix.hpp"
#include "support/random_values.hpp"

/// \file
/// What every backend's operations are held to: the reference of ssm/math in double precision, on the same inputs.
///
/// Each check varies one size from a base row. The bound is relative to the largest magnitude of the result: float rounds
/// at 6e-8, the longest sums here have 300 terms of random signs, and 3e-6 leaves an order of magnitude. A scan adds up the
/// errors of its exponentials, 2 units in the last place each, over the tokens that a state remembers. In the dual form a
/// state goes through a product every chunk, and tensor cores cut sums off where others round: a unit a chunk, which counts where
/// chunks are a token long. A narrower result is rounded once, and once more where a bias is added to it, by half a unit
/// in the last place each time.
namespace ssm::test {

inline constexpr double float_bound = 3e-6;
inline constexpr double scan_bound = 1e-5;
template <class T>
inline constexpr double narrowing = 2 * (std::is_same_v<T, bf16>  ? 0x1p-8
                                         : std::is_same_v<T, f16> ? 0x1p-11
                                                                  : 0);

/// Numbers of type T on the device, and the same in double on the host.
template <class Backend, class T = float>
class operand {
public:
    operand(const Backend& device, index rows, index columns, float low = -1.0F, float high = 1.0F, unsigned seed = 1)
        : rows_(rows), columns_(columns) {
        const std::vector<float> values = random_values(rows * columns, low, high, seed);
        for (const float value : values) exact_.push_back(static_cast<double>(static_cast<float>(T(value))));
        memory_ = device.template upload<T>(values);
    }

    matrix_view<T> view() { return matrix_view<T>(memory_.data(), rows_, columns_); }
    vector_view<const T> vector() { return vector_view<const T>(memory_.data(), rows_ * columns_); }
    matrix_view<double> exact() { return matrix_view<double>(exact_.data(), rows_, columns_); }
    vector_view<const double> exact_vector() { return vector_view<const double>(exact_.data(), rows_ * columns_); }
    const std::vector<double>& exact_values() const { return exact_; }
    /// Is to become what `other` is to become.
    void expect(const operand& other) { exact_ = other.exact_; }

private:
    index rows_;
    index columns_;
    typename Backend::template buffer<T> memory_;
    std::vector<double> exact_;
};

/// An operand of the backend's own type.
template <class Backend>
using narrow = operand<Backend, typename Backend::activation>;

template <class Backend, class T>
void check_close(const Backend& device, operand<Backend, T>& result, double bound = float_bound) {
    const double error = relative_error(device.download(matrix_view<const T>(result.view())), result.exact_values());
    CHECK(error < bound + narrowing<T>);
}

template <class Backend>
void check_multiply(const Backend& device) {
    struct row {
        index tokens, depth, outputs;
        dtype type;
    };
    constexpr row base{5, 64, 24, dtype::f32};
    for (const row& r :
         {base, row{1, 64, 24, dtype::f32}, row{13, 64, 24, dtype::f32}, row{64, 64, 24, dtype::f32},
          row{5, 1, 24, dtype::f32}, row{5, 63, 24, dtype::f32}, row{5, 300, 24, dtype::f32}, row{5, 64, 1, dtype::f32},
          row{5, 64, 29, dtype::f32}, row{5, 64, 24, dtype::bf16}, row{5, 64, 24, dtype::f16}}) {
        for (const bool with_bias : {false, true}) {
            CAPTURE(r.tokens, r.depth, r.outputs, name_of(r.type), with_bias);
            random_matrix w(r.outputs, r.depth, r.type);
            const auto stored = device.upload_matrix(w.tensor, r.type);
            narrow<Backend> x(device, r.tokens, r.depth, -1, 1, 2);
            operand<Backend> bias(device, 1, with_bias ? r.outputs : 0, -1, 1, 3);
            narrow<Backend> y(device, r.tokens, r.outputs, -1, 1, 4);
            operand<Backend> in_float(device, r.tokens, r.outputs, -1, 1, 4);
            operand<Backend> sum(device, r.tokens, r.outputs, -1, 1, 5);
            const matrix_view<const double> exact_w(w.exact.data(), r.outputs, r.depth);
            math::multiply(x.exact(), exact_w, bias.exact_vector(), y.exact());
            math::multiply(x.exact(), exact_w, bias.exact_vector(), in_float.exact());
            math::multiply_add(x.exact(), exact_w, bias.exact_vector(), sum.exact());
            device.multiply(x.view(), stored, bias.vector(), y.view());
            check_close(device, y);
            device.multiply(x.view(), stored, bias.vector(), in_float.view());
            check_close(device, in_float);
            device.multiply_add(x.view(), stored, bias.vector(), sum.view());
            check_close(device, sum);
        }
    }
}

template <class Backend>
void check_embed(const Backend& device, dtype type) {
    CAPTURE(name_of(type));
    random_matrix table(11, 19, type);
    const auto stored = device.upload_matrix(table.tensor, type);
    const std::vector<token_id> ids{10, 0, 3, 3};
    auto stored_ids = device.template allocate<token_id>(4, "ids");
    const vector_view<token_id> on_device(stored_ids.data(), 4);
    device.write(ids, on_device);
    operand<Backend> out(device, 4, 19);
    for (index t = 0; t < 4; ++t)
        for (index i = 0; i < 19; ++i)
            out.exact()(t, i) = table.exact[static_cast<std::size_t>(ids[static_cast<std::size_t>(t)] * 19 + i)];
    device.embed(stored, on_device, out.view());
    CHECK(relative_error(device.download(matrix_view<const float>(out.view())), out.exact_values()) == 0);

    const std::vector<token_id> strangers{-1, 11, std::numeric_limits<token_id>::max(),
                                          std::numeric_limits<token_id>::min()};
    device.write(strangers, on_device);
    device.embed(stored, on_device, out.view());
    for (const float value : device.download(matrix_view<const float>(out.view()))) CHECK(std::isnan(value));
}

template <class Backend>
void check_rms_norm(const Backend& device) {
    for (const index columns : {64, 1, 5, 16, 300})
        for (const bool with_gain : {false, true})
            for (const float eps : {1e-5F, 0.5F}) {
                CAPTURE(columns, with_gain, eps);
                operand<Backend> residual(device, 3, columns, -1, 1, 5);
                narrow<Backend> x(device, 3, columns);
                operand<Backend> gain(device, 1, with_gain ? columns : 0, 0.5F, 2, 2);
                narrow<Backend> y(device, 3, columns);
                math::rms_norm(residual.exact(), gain.exact_vector(), static_cast<double>(eps), y.exact());
                device.rms_norm(residual.view(), gain.vector(), eps, y.view());
                check_close(device, y);
                math::rms_norm(x.exact(), gain.exact_vector(), static_cast<double>(eps), y.exact());
                device.rms_norm(x.view(), gain.vector(), eps, y.view());
                check_close(device, y);
                device.rms_norm(x.view(), gain.vector(), eps, x.view());
                CHECK(device.download(const_activations<Backend>(x.view())) ==
                      device.download(const_activations<Backend>(y.view())));
            }
}

/// Two calls of different lengths, of sequences that lie one after the other: the second call starts from the windows
/// that the first one leaves.
template <class ConvState, class Backend>
void check_causal_conv(const Backend& device) {
    struct row {
        index first, second, channels, taps, sequences;
        bool bias;
    };
    for (const row& r :
         {row{9, 4, 33, 4, 1, true}, row{1, 1, 33, 4, 1, true}, row{2, 7, 33, 4, 1, true}, row{9, 4, 1, 4, 1, true},
          row{9, 4, 64, 4, 1, true}, row{9, 4, 33, 3, 1, true}, row{9, 4, 33, 2, 1, true}, row{9, 4, 33, 1, 1, true},
          row{9, 4, 33, 4, 1, false}, row{9, 4, 33, 4, 3, true}, row{1, 1, 33, 4, 3, true},
          row{150, 70, 40, 4, 1, true}, row{150, 16, 40, 4, 3, false}, row{17, 32, 40, 4, 2, true}}) {
        CAPTURE(r.first, r.second, r.channels, r.taps, r.sequences, r.bias);
        const index width = r.taps - 1;
        operand<Backend> taps(device, r.taps, r.channels, -1, 1, 2);
        operand<Backend> bias(device, 1, r.bias ? r.channels : 0, -1, 1, 3);
        operand<Backend> window(device, r.sequences * width, r.channels, 0, 0);
        index cursor = 0;
        for (const index tokens : {r.first, r.second}) {
            narrow<Backend> x(device, r.sequences * tokens, r.channels, -1, 1, static_cast<unsigned>(tokens));
            narrow<Backend> y(device, r.sequences * tokens, r.channels);
            for (index s = 0; s < r.sequences; ++s)
                math::causal_conv(x.exact().rows(s * tokens, tokens), taps.exact(), bias.exact_vector(),
                                  window.exact().rows(s * width, width), y.exact().rows(s * tokens, tokens));
            for (index t = 0; t < y.exact().rows(); ++t)
                for (index ch = 0; ch < r.channels; ++ch) y.exact()(t, ch) = math::silu(y.exact()(t, ch));
            device.template causal_conv_silu<ConvState>(x.view(), taps.view(), bias.vector(), window.view(), cursor,
                                                        r.sequences, y.view());
            check_close(device, y);
            cursor = ConvState::advance(cursor, width, tokens);
        }
    }
}

/// What y is to become: y silu(z).
template <class Backend, class T>
void gate_exactly(operand<Backend, T>& z, operand<Backend, T>& y) {
    for (index t = 0; t < y.exact().rows(); ++t)
        for (index ch = 0; ch < y.exact().columns(); ++ch) y.exact()(t, ch) *= math::silu(z.exact()(t, ch));
}

template <class Backend>
void check_elementwise(const Backend& device) {
    for (const index channels : {1, 15, 16, 64, 77}) {
        CAPTURE(channels);
        narrow<Backend> x(device, 4, channels, -30, 30);
        operand<Backend> floats(device, 4, channels, -30, 30);
        constexpr limits held{0.5F, 20.0F};
        narrow<Backend> z(device, 4, channels, -30, 30, 2);
        narrow<Backend> y(device, 4, channels, -1, 1, 3);
        gate_exactly(z, y);
        for (index t = 0; t < 4; ++t)
            for (index ch = 0; ch < channels; ++ch) {
                x.exact()(t, ch) = math::softplus(x.exact()(t, ch));
                floats.exact()(t, ch) = held.hold(math::softplus(floats.exact()(t, ch)));
            }
        device.gate(z.view(), y.view());
        check_close(device, y);
        device.softplus(x.view());
        check_close(device, x);
        device.softplus(floats.view(), held);
        check_close(device, floats);
    }
}

/// A selective recurrence of random numbers, on the device and in double.
template <class Backend>
struct random_selective {
    random_selective(const Backend& device, index tokens, index channels, index states)
        : a(device, states, channels, -16, -0.01F, 1),
          d(device, 1, channels, -1, 1, 2),
          dt(device, tokens, channels, 1e-3F, 0.1F, 3),
          x(device, tokens, channels, -1, 1, 4),
          b(device, tokens, states, -1, 1, 5),
          c(device, tokens, states, -1, 1, 6) {}

    using on_device_type = selective<float, typename Backend::activation>;
    on_device_type on_device() { return {a.view(), d.vector(), dt.view(), x.view(), b.view(), c.view()}; }
    selective<double> exact() { return {a.exact(), d.exact_vector(), dt.exact(), x.exact(), b.exact(), c.exact()}; }

    operand<Backend> a, d;
    narrow<Backend> dt, x, b, c;
};

/// The same numbers through the elementwise interface only, so that a backend's tuned form is not chosen.
template <class R>
struct elementwise {
    using scalar = typename R::scalar;
    R inner;
    SSM_HD affine<scalar> transition(index t, index ch, index n) const { return inner.transition(t, ch, n); }
    SSM_HD scalar readout(index t, index ch, index n) const { return inner.readout(t, ch, n); }
    SSM_HD scalar skip(index t, index ch) const { return inner.skip(t, ch); }
};

/// The reference over sequences that lie one after the other.
template <class R>
void scan_exactly(const R& r, index sequences, matrix_view<double> h, matrix_view<double> y) {
    const index tokens = y.rows() / sequences, states = h.rows() / sequences;
    for (index s = 0; s < sequences; ++s) {
        struct shifted : R {
            index first;
            affine<double> transition(index t, index ch, index n) const { return R::transition(first + t, ch, n); }
            double readout(index t, index ch, index n) const { return R::readout(first + t, ch, n); }
            double skip(index t, index ch) const { return R::skip(first + t, ch); }
        };
        math::selective_scan(shifted{r, s * tokens}, tokens, h.columns(), states, h.rows(s * states, states),
                             y.rows(s * tokens, tokens));
    }
}

/// From a state that is not zero; the longest sequence has so many tokens.
template <class Policy, class Backend>
void check_scan(const Backend& device, Policy policy, index longest = 1531) {
    struct row {
        index tokens, channels, states, sequences;
    };
    // Channels in whole packs and not: a backend may have a form for each.
    for (const row& r :
         {row{70, 33, 16, 1}, row{1, 33, 16, 1}, row{2, 33, 16, 1}, row{300, 33, 16, 1}, row{70, 1, 16, 1},
          row{70, 64, 16, 1}, row{70, 33, 1, 1}, row{70, 33, 5, 1}, row{70, 33, 8, 1}, row{70, 33, 64, 1},
          row{70, 33, 67, 1}, row{70, 33, 16, 3}, row{1, 33, 16, 3}, row{longest, 40, 16, 1}, row{70, 40, 1, 1},
          row{70, 40, 5, 1}, row{70, 40, 8, 1}, row{70, 40, 64, 1}, row{70, 72, 16, 3}}) {
        CAPTURE(r.tokens, r.channels, r.states, r.sequences);
        random_selective<Backend> recurrence(device, r.sequences * r.tokens, r.channels, r.states);
        operand<Backend> tuned_h(device, r.sequences * r.states, r.channels, -1, 1, 8);
        operand<Backend> h(device, r.sequences * r.states, r.channels, -1, 1, 8);
        narrow<Backend> y(device, r.sequences * r.tokens, r.channels);
        narrow<Backend> tuned_y(device, r.sequences * r.tokens, r.channels);
        scan_exactly(recurrence.exact(), r.sequences, h.exact(), y.exact());
        tuned_h.expect(h);
        tuned_y.expect(y);

        device.scan(policy, recurrence.on_device(), tuned_h.view(), r.sequences, tuned_y.view());
        check_close(device, tuned_y, scan_bound);
        check_close(device, tuned_h, scan_bound);
        using generic = elementwise<typename random_selective<Backend>::on_device_type>;
        device.scan(policy, generic{recurrence.on_device()}, h.view(), r.sequences, y.view());
        check_close(device, y, scan_bound);
        check_close(device, h, scan_bound);
    }
}

/// The same with dt before its bias and softplus, and the gate behind it. The state is float, and its inputs are as near as
/// the softplus that activations of bf16 get.
template <class Policy, class Backend>
void check_gated_scan(const Backend& device, Policy policy) {
    for (const index tokens : {1, 21, 70})
        for (const index channels : {33, 40})
            for (const index states : {5, 16}) {
                CAPTURE(tokens, channels, states);
                random_selective<Backend> recurrence(device, tokens, channels, states);
                recurrence.dt = narrow<Backend>(device, tokens, channels, -6, 3, 3);
                operand<Backend> bias(device, 1, channels, -1, 1, 7);
                narrow<Backend> z(device, tokens, channels, -3, 3, 8);
                operand<Backend> h(device, states, channels, -1, 1, 9);
                narrow<Backend> y(device, tokens, channels);
                narrow<Backend> softened = recurrence.dt;
                for (index t = 0; t < tokens; ++t)
                    for (index ch = 0; ch < channels; ++ch)
                        softened.exact()(t, ch) = math::softplus(softened.exact()(t, ch) + bias.exact_vector()[ch]);
                selective<double> exact = recurrence.exact();
                exact.dt = softened.exact();
                scan_exactly(exact, 1, h.exact(), y.exact());
                gate_exactly(z, y);
                device.gated_scan(policy, recurrence.on_device(), bias.vector(), z.view(), h.view(), 1, y.view());
                check_close(device, y, scan_bound);
                check_close(device, h, std::is_same_v<typename Backend::activation, bf16> ? 7e-5 : scan_bound);
            }
}

/// A time-invariant recurrence goes through the same door, from a state that is not zero.
template <class Policy, class Backend>
void check_s4d_scan(const Backend& device, Policy policy) {
    struct row {
        index tokens, channels, states, sequences;
    };
    for (const row& r :
         {row{70, 21, 6, 1}, row{1, 21, 6, 1}, row{8, 21, 6, 1}, row{300, 21, 6, 1}, row{70, 1, 6, 1},
          row{70, 64, 6, 1}, row{70, 21, 1, 1}, row{70, 21, 67, 1}, row{10, 21, 1100, 1}, row{70, 21, 6, 3}}) {
        CAPTURE(r.tokens, r.channels, r.states, r.sequences);
        operand<Backend> decay(device, r.states, r.channels, 0, 1, 1);
        operand<Backend> gain(device, r.states, r.channels, -1, 1, 2);
        operand<Backend> c(device, r.states, r.channels, -1, 1, 3);
        operand<Backend> d(device, 1, r.channels, -1, 1, 4);
        narrow<Backend> x(device, r.sequences * r.tokens, r.channels, -1, 1, 5);
        operand<Backend> h(device, r.sequences * r.states, r.channels, -1, 1, 6);
        narrow<Backend> y(device, r.sequences * r.tokens, r.channels);
        const s4d<double> exact{decay.exact(), gain.exact(), c.exact(), d.exact_vector(), x.exact()};
        scan_exactly(exact, r.sequences, h.exact(), y.exact());
        using recurrence = s4d<float, typename Backend::activation>;
        device.scan(policy, recurrence{decay.view(), gain.view(), c.view(), d.vector(), x.view()}, h.view(),
                    r.sequences, y.view());
        check_close(device, y, scan_bound);
        check_close(device, h, scan_bound);
    }
}

/// Mamba-2's recurrence of random numbers, on the device and in double.
template <class Backend>
struct random_multihead {
    random_multihead(const Backend& device, index tokens, index heads, index width, index group_count, index states)
        : groups(group_count),
          a(device, 1, heads, -16, -0.01F, 1),
          d(device, 1, heads, -1, 1, 2),
          dt(device, tokens, heads, 1e-3F, 0.1F, 3),
          x(device, tokens, heads * width, -1, 1, 4),
          b(device, tokens, groups * states, -1, 1, 5),
          c(device, tokens, groups * states, -1, 1, 6) {}

    multihead_selective<float, typename Backend::activation> on_device() {
        return {a.vector(), d.vector(), dt.view(), x.view(), b.view(), c.view(), groups};
    }
    multihead_selective<double> exact() {
        return {a.exact_vector(), d.exact_vector(), dt.exact(), x.exact(), b.exact(), c.exact(), groups};
    }

    index groups;
    operand<Backend> a, d, dt;
    narrow<Backend> x, b, c;
};

/// The same recurrence as a type of its own, which has no tuned form.
template <class R>
struct of_ones_own : R {};

/// One decay a head, and B and C shared by the heads of a group, from a state that is not zero.
template <class Policy, class Backend>
void check_multihead_scan(const Backend& device, Policy policy) {
    struct row {
        index tokens, heads, width, groups, states, sequences;
    };
    for (const row& r :
         {row{70, 6, 5, 2, 11, 1}, row{1, 6, 5, 2, 11, 1}, row{3, 6, 5, 2, 11, 1}, row{300, 6, 5, 2, 11, 1},
          row{70, 1, 5, 1, 11, 1}, row{70, 6, 1, 3, 11, 1}, row{20, 3, 64, 1, 11, 1}, row{70, 6, 5, 6, 11, 1},
          row{70, 6, 5, 2, 1, 1}, row{70, 6, 5, 2, 16, 1}, row{20, 6, 20, 2, 128, 1}, row{70, 6, 5, 2, 11, 3},
          row{20, 2, 70, 1, 64, 1}, row{20, 2, 5, 2, 260, 1}}) {
        CAPTURE(r.tokens, r.heads, r.width, r.groups, r.states, r.sequences);
        double bound = scan_bound;
        if constexpr (std::is_same_v<Policy, state_space_dual>)
            bound = std::max(bound, static_cast<double>(r.tokens / policy.length) * 0x1p-23);
        const index rows = r.sequences * r.tokens, channels = r.heads * r.width;
        random_multihead<Backend> recurrence(device, rows, r.heads, r.width, r.groups, r.states);
        operand<Backend> h(device, r.sequences * r.states, channels, -1, 1, 7);
        narrow<Backend> y(device, rows, channels);
        scan_exactly(recurrence.exact(), r.sequences, h.exact(), y.exact());
        [[maybe_unused]] operand<Backend> again = h;
        device.scan(policy, recurrence.on_device(), h.view(), r.sequences, y.view());
        check_close(device, y, bound);
        check_close(device, h, bound);
        // Not in f16, which is of the same size as bf16: each takes a kernel.
        if constexpr (std::is_same_v<Policy, state_space_dual> && !std::is_same_v<typename Backend::activation, f16>) {
            using generic = of_ones_own<decltype(recurrence.on_device())>;
            device.scan(policy, generic{recurrence.on_device()}, again.view(), r.sequences, y.view());
            check_close(device, y, bound);
            check_close(device, again, bound);
        }
    }
}

/// The same with dt before its softplus and its limits, outside of which some are, and the gate behind it.
template <class Policy, class Backend>
void check_gated_multihead_scan(const Backend& device, Policy policy) {
    constexpr index heads = 4, width = 20, groups = 2, channels = heads * width;
    constexpr limits dt_limits{0.01F, 0.2F};
    for (const index tokens : {1, 21})
        for (const index states : {16, 11, 128, 260}) {
            CAPTURE(tokens, states);
            random_multihead<Backend> recurrence(device, tokens, heads, width, groups, states);
            recurrence.dt = operand<Backend>(device, tokens, heads, -6, -1, 3);
            narrow<Backend> z(device, tokens, channels, -3, 3, 8);
            operand<Backend> h(device, states, channels, -1, 1, 7);
            narrow<Backend> y(device, tokens, channels);
            operand<Backend> softened = recurrence.dt;
            for (index t = 0; t < tokens; ++t)
                for (index head = 0; head < heads; ++head)
                    softened.exact()(t, head) = dt_limits.hold(math::softplus(softened.exact()(t, head)));
            multihead_selective<double> exact = recurrence.exact();
            exact.dt = softened.exact();
            scan_exactly(exact, 1, h.exact(), y.exact());
            gate_exactly(z, y);
            device.gated_scan(policy, recurrence.on_device(), dt_limits, z.view(), h.view(), 1, y.view());
            check_close(device, y, scan_bound);
            check_close(device, h, scan_bound);
        }
}

/// The scan in chunks, which takes longer than all else under a sanitizer.
template <backend Backend>
void check_chunked_scan(const Backend& device) {
    SECTION("scan, chunked") {
        for (const index length : {1, 7, 64, 512}) {
            CAPTURE(length);
#ifdef SSM_SANITIZED
            check_scan(device, chunked{length}, std::max<index>(1, 3 * length - 5));  // three chunks: more take minutes
#else
            check_scan(device, chunked{length});
#endif
            check_s4d_scan(device, chunked{length});
        }
        check_multihead_scan(device, chunked{64});
    }
}

/// All other operations of a backend.
template <backend Backend>
void check_operations(const Backend& device) {
    SECTION("multiply") { check_multiply(device); }
    SECTION("embed") {
        for (const dtype type : {dtype::f32, dtype::bf16, dtype::f16}) check_embed(device, type);
    }
    SECTION("rms_norm") { check_rms_norm(device); }
    SECTION("causal_conv_silu, shift_window") { check_causal_conv<shift_window>(device); }
    SECTION("causal_conv_silu, ring_window") { check_causal_conv<ring_window>(device); }
    SECTION("softplus and gate") { check_elementwise(device); }
    SECTION("scan, sequential") {
        check_scan(device, sequential{});
        check_s4d_scan(device, sequential{});
        check_multihead_scan(device, sequential{});
        using channels = selective<float, typename Backend::activation>;
        if constexpr (fuses_gated_scan<Backend, sequential, channels, vector_view<const float>>)
            check_gated_scan(device, sequential{});
        using heads = multihead_selective<float, typename Backend::activation>;
        if constexpr (fuses_gated_scan<Backend, sequential, heads, limits>)
            check_gated_multihead_scan(device, sequential{});
    }
    if constexpr (scan_policy_on<convolution, Backend>) SECTION("scan, convolution") {
            for (const index length : {1, 7, 64, 512}) {
                CAPTURE(length);
                check_s4d_scan(device, convolution{length});
            }
        }
    if constexpr (scan_policy_on<state_space_dual, Backend>) SECTION("scan, state_space_dual") {
            for (const index length : {1, 7, 64}) {
                CAPTURE(length);
                check_multihead_scan(device, state_space_dual{length});
            }
        }
}

/// All operations of a backend.
template <backend Backend>
void check_backend(const Backend& device) {
    check_operations(device);
    check_chunked_scan(device);
}

}  // namespace ssm::test
