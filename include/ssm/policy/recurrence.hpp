// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/view.hpp>
#include <ssm/math/affine.hpp>

#include <cmath>
#include <concepts>
#include <type_traits>

namespace ssm {

/// \file
/// What a scan computes. A recurrence is a small functor of views that gives, for token t, channel ch and state n,
///
///     h[n, ch] <- transition(t, ch, n)(h[n, ch])                      an affine map
///     y[t, ch]  = sum over n of readout(t, ch, n) * h[n, ch] + skip(t, ch)
///
/// The elementwise form is the specification: every scan kernel of every backend accepts any recurrence, and a kernel
/// tuned for one of them is held to the elementwise form by the conformance tests.

/// What a recurrence computes with: float, double or a type of the user's own, made from a number and closed under sums and
/// products. No integer: a decay is no whole number.
template <class S>
concept recurrence_scalar = !std::integral<S> && std::constructible_from<S, int> && requires(const S a, const S b) {
    { a + b } -> std::convertible_to<S>;
    { a* b } -> std::convertible_to<S>;
};

/// `scalar` names the type of h and y.
template <class R>
concept names_scalar = recurrence_scalar<typename R::scalar>;

/// `transition(t, ch, n)` gives the affine map of one step.
template <class R>
concept has_transition = requires(const R r, index i) {
    { r.transition(i, i, i) } -> std::same_as<affine<typename R::scalar>>;
};

/// `readout(t, ch, n)` weighs a state in the output.
template <class R>
concept has_readout = requires(const R r, index i) {
    { r.readout(i, i, i) } -> std::same_as<typename R::scalar>;
};

/// `skip(t, ch)` is the output's direct dependence on the input.
template <class R>
concept has_skip = requires(const R r, index i) {
    { r.skip(i, i) } -> std::same_as<typename R::scalar>;
};

/// What a scan policy can run. Trivially copyable, because it travels to a GPU as a kernel argument.
template <class R>
concept recurrence =
    std::is_trivially_copyable_v<R> && names_scalar<R> && has_transition<R> && has_readout<R> && has_skip<R>;

/// Refuses what is no recurrence with a sentence on what it lacks: not every compiler says which part of a concept is not met.
template <class R>
constexpr void require_recurrence() {
    static_assert(
        std::is_trivially_copyable_v<R>,
        "ssm: a recurrence is trivially copyable, for it travels to a GPU as an argument of a kernel: it holds "
        "views, and no memory of its own");
    static_assert(names_scalar<R>, "ssm: a recurrence names its scalar: float, double or a number type of your own");
    static_assert(has_transition<R>, "ssm: a recurrence has transition(t, ch, n) const, an ssm::affine<scalar>");
    static_assert(has_readout<R>, "ssm: a recurrence has readout(t, ch, n) const, a scalar");
    static_assert(has_skip<R>, "ssm: a recurrence has skip(t, ch) const, a scalar");
}

/// Optional: only the input depends on the token, so that the scan is a convolution of the input with a kernel. `unit_step(ch,
/// n)` is the step for an input of 1, and `input(t, ch)` the input. Law: transition(t, ch, n) is {unit_step(ch, n).a,
/// unit_step(ch, n).b * input(t, ch)}, and readout(t, ch, n) is the same for every t.
template <class R>
concept time_invariant = recurrence<R> && requires(const R r, index i) {
    { r.unit_step(i, i) } -> std::same_as<affine<typename R::scalar>>;
    { r.input(i, i) } -> std::same_as<typename R::scalar>;
};

/// The selective recurrence of Mamba: dt, B and C depend on the token.
///
///     h <- exp(dt A) h + (dt x) B,   y = C . h + D x
///
/// A is discretised by zero-order hold and B by Euler's rule, as in Mamba's reference implementation
/// (`selective_scan_ref`; Gu and Dao 2023, section 3.2 and equation 4 give zero-order hold for both).
///
/// S is the type of h and of the arithmetic, Input that of what depends on the token: a backend's activations.
template <class S, class Input = S>
struct selective {
    using scalar = S;

    matrix_view<const S> a;       ///< (states, channels), negative: -exp(A_log)
    vector_view<const S> d;       ///< (channels)
    matrix_view<const Input> dt;  ///< (tokens, channels), after bias and softplus
    matrix_view<const Input> x;   ///< (tokens, channels)
    matrix_view<const Input> b;   ///< (tokens, states)
    matrix_view<const Input> c;   ///< (tokens, states)

    [[nodiscard]] SSM_HD affine<S> transition(index t, index ch, index n) const {
        using std::exp;
        const S step = dt(t, ch);
        return {exp(step * a(n, ch)), step * S(x(t, ch)) * S(b(t, n))};
    }
    [[nodiscard]] SSM_HD S readout(index t, index, index n) const { return c(t, n); }
    [[nodiscard]] SSM_HD S skip(index t, index ch) const { return d[ch] * S(x(t, ch)); }
};

/// What Mamba-1's scan may compute in the place of `selective`: a recurrence of the same parameters, R{parameters}.
/// Law: what it gives for token t depends on row t of them and not on t itself, for a prompt is cut wherever there is room; its
/// transition reads neither c nor d, which are not kept to go back.
template <class R, class S, class Input>
concept selective_variant = recurrence<R> && requires(const selective<S, Input> parameters) {
    R{parameters};
};

/// The recurrence of Mamba-2 (Dao and Gu 2024, "Transformers are SSMs", section 7.1): selective, with one decay for all the
/// channels and states of a head. Head i has channels [i, i + 1) * channels / heads, and group i, whose B and C its
/// heads share, heads [i, i + 1) * heads / groups.
///
///     h <- exp(dt A) h + (dt x) B,   y = C . h + D x
///
/// dt is of type S: it decides the decays, and one of 30 rounded to 8 bits would be off by a sixteenth in an exponent.
template <class S, class Input = S>
struct multihead_selective {
    using scalar = S;

    vector_view<const S> a;      ///< (heads), negative: -exp(A_log)
    vector_view<const S> d;      ///< (heads)
    matrix_view<const S> dt;     ///< (tokens, heads), after bias, softplus and limits
    matrix_view<const Input> x;  ///< (tokens, channels)
    matrix_view<const Input> b;  ///< (tokens, groups * states)
    matrix_view<const Input> c;  ///< (tokens, groups * states)
    index groups;

    [[nodiscard]] SSM_HD index heads() const { return a.size(); }
    /// The head of a channel.
    SSM_HD index head_of(index ch) const { return ch / (x.columns() / heads()); }
    /// Where B and C have state n of a channel.
    SSM_HD index column_of(index ch, index n) const { return ch / (x.columns() / groups) * (b.columns() / groups) + n; }
    [[nodiscard]] SSM_HD S decay(index t, index head) const {
        using std::exp;
        return exp(dt(t, head) * a[head]);
    }
    [[nodiscard]] SSM_HD S drive(index t, index ch) const { return dt(t, head_of(ch)) * S(x(t, ch)); }

    [[nodiscard]] SSM_HD affine<S> transition(index t, index ch, index n) const {
        return {decay(t, head_of(ch)), drive(t, ch) * S(b(t, column_of(ch, n)))};
    }
    [[nodiscard]] SSM_HD S readout(index t, index ch, index n) const { return c(t, column_of(ch, n)); }
    [[nodiscard]] SSM_HD S skip(index t, index ch) const { return d[head_of(ch)] * S(x(t, ch)); }
};

/// A recurrence whose scan can be written as matrix products (Dao and Gu 2024, section 6), because all channels and states
/// of a head decay alike and the heads of a group share B and C: `multihead_selective`, or your own. Law, with heads and
/// groups as there:
///
///     transition(t, ch, n) = {decay(t, head), drive(t, ch) * b(t, group * states + n)}
///     readout(t, ch, n)    = c(t, group * states + n)
template <class R>
concept decays_by_head = recurrence<R> && requires(const R r, index i) {
    { r.heads() } -> std::same_as<index>;
    { r.groups } -> std::convertible_to<index>;
    { r.decay(i, i) } -> std::same_as<typename R::scalar>;
    { r.drive(i, i) } -> std::same_as<typename R::scalar>;
    { r.b(i, i) } -> std::convertible_to<typename R::scalar>;
    { r.c(i, i) } -> std::convertible_to<typename R::scalar>;
};

/// One step of a continuous state h' = a h + b x held constant over a time dt (zero-order hold), a != 0: the map
/// h -> exp(dt a) h + (exp(dt a) - 1) / a * b x, returned for x = 1.
template <class S>
[[nodiscard]] SSM_HD affine<S> zero_order_hold(S a, S b, S dt) {
    using std::exp;
    using std::expm1;
    return {exp(dt * a), expm1(dt * a) / a * b};
}

/// S4D with a real diagonal (S4D-Real; Gu et al. 2022, "On the Parameterization and Initialization of Diagonal State
/// Space Models"): nothing depends on the token, so the step is discretised once, by `zero_order_hold`.
///
///     h <- decay h + gain x,   y = C . h + D x
template <class S, class Input = S>
struct s4d {
    using scalar = S;

    matrix_view<const S> decay;  ///< (states, channels)
    matrix_view<const S> gain;   ///< (states, channels)
    matrix_view<const S> c;      ///< (states, channels)
    vector_view<const S> d;      ///< (channels)
    matrix_view<const Input> x;  ///< (tokens, channels)

    [[nodiscard]] SSM_HD affine<S> transition(index t, index ch, index n) const {
        return {decay(n, ch), gain(n, ch) * S(x(t, ch))};
    }
    [[nodiscard]] SSM_HD S readout(index, index ch, index n) const { return c(n, ch); }
    [[nodiscard]] SSM_HD S skip(index t, index ch) const { return d[ch] * S(x(t, ch)); }

    // It is `time_invariant` as well, and so may run as a convolution.
    [[nodiscard]] SSM_HD affine<S> unit_step(index ch, index n) const { return {decay(n, ch), gain(n, ch)}; }
    [[nodiscard]] SSM_HD S input(index t, index ch) const { return S(x(t, ch)); }
};

}  // namespace ssm
