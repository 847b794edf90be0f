// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/dtype.hpp>
#include <ssm/core/model_config.hpp>
#include <ssm/core/view.hpp>
#include <ssm/math/activation.hpp>
#include <ssm/math/causal_conv.hpp>
#include <ssm/math/multiply.hpp>
#include <ssm/math/rms_norm.hpp>
#include <ssm/math/selective_scan.hpp>
#include <ssm/policy/norm.hpp>
#include <ssm/policy/recurrence.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace ssm {

/// \file
/// A Mamba language model whose sizes are in its type. Weights, state and scratch are arrays: nothing is allocated, thrown
/// or looked up at run time, so that it compiles with -fno-exceptions and -fno-rtti and runs where there is no heap. It is
/// the reference's loops, put together as `block` and `mamba_mixer` put a backend's operations together.

/// Sizes of a model, named as in `model_config`.
struct model_sizes {
    index hidden, inner, state, conv, dt_rank, layers, vocab;
    bool projection_bias = false;
    bool tied_head = false;

    friend bool operator==(const model_sizes&, const model_sizes&) = default;
};

/// What became of a call. All but `done` leave state and logits as they were.
enum class static_status : std::uint8_t {
    done,
    no_tokens,        ///< give at least one
    too_many_tokens,  ///< more than the workspace has room for: give it piece by piece
    unknown_token,    ///< an id outside the vocabulary
};

/// A model of these sizes in `S`: float, double or a scalar of the user's own. `Norm` is the norm on dt, B and C:
/// `no_norm` is Mamba, `unit_rms` Falcon Mamba.
template <model_sizes Sizes, norm_policy Norm, class S = float>
class static_model {
    static_assert(Sizes.hidden > 0 && Sizes.inner > 0 && Sizes.state > 0 && Sizes.conv > 0 && Sizes.dt_rank > 0 &&
                      Sizes.layers > 0 && Sizes.vocab > 0,
                  "ssm: every size of a static_model is positive: see model_sizes");

    template <index Rows, index Columns = 1>
    using numbers = std::array<S, static_cast<std::size_t>(Rows* Columns)>;
    static constexpr index low = Sizes.dt_rank + 2 * Sizes.state;  // dt, B and C of a token

public:
    using scalar = S;
    using norm = Norm;
    static constexpr model_sizes sizes = Sizes;

    /// Of one layer. Shapes as a checkpoint has them, but for `taps` and `a`, which are turned so that a channel is a
    /// column.
    struct layer_weights {
        numbers<Sizes.hidden> norm;                                    ///< (hidden)
        numbers<2 * Sizes.inner, Sizes.hidden> in_proj;                ///< (2 inner, hidden): x, then z
        numbers<Sizes.projection_bias ? 2 * Sizes.inner : 0> in_bias;  ///< (2 inner) or empty
        numbers<Sizes.conv, Sizes.inner> taps;                         ///< (K, inner)
        numbers<Sizes.inner> conv_bias;                                ///< (inner); zeros where there is none
        numbers<low, Sizes.inner> x_proj;                              ///< (R + 2N, inner): dt, B, C
        numbers<Norm::has_gain ? Sizes.dt_rank : 0> dt_gain;           ///< (R) or empty
        numbers<Norm::has_gain ? Sizes.state : 0> b_gain;              ///< (N) or empty
        numbers<Norm::has_gain ? Sizes.state : 0> c_gain;              ///< (N) or empty
        numbers<Sizes.inner, Sizes.dt_rank> dt_proj;                   ///< (inner, R)
        numbers<Sizes.inner> dt_bias;                                  ///< (inner)
        numbers<Sizes.state, Sizes.inner> a;                           ///< (N, inner), negative: -exp(A_log)
        numbers<Sizes.inner> d;                                        ///< (inner)
        numbers<Sizes.hidden, Sizes.inner> out_proj;                   ///< (hidden, inner)
        numbers<Sizes.projection_bias ? Sizes.hidden : 0> out_bias;    ///< (hidden) or empty
    };

    /// All of them: constants of the program, or filled by `load_static`.
    struct weights {
        numbers<Sizes.vocab, Sizes.hidden> embedding;  ///< (vocab, hidden)
        std::array<layer_weights, static_cast<std::size_t>(Sizes.layers)> layers;
        numbers<Sizes.hidden> norm;                                     ///< (hidden)
        numbers<Sizes.tied_head ? 0 : Sizes.vocab, Sizes.hidden> head;  ///< (vocab, hidden), or empty when tied
        S norm_eps;
        S mixer_norm_eps;
    };

    /// What is remembered of a sequence, all zero before its first token. A value: copying it forks the sequence.
    struct state {
        struct layer {
            numbers<Sizes.conv - 1, Sizes.inner> window{};  ///< (K-1, inner), oldest input first
            numbers<Sizes.state, Sizes.inner> h{};          ///< (N, inner)
            friend bool operator==(const layer&, const layer&) = default;
        };
        std::array<layer, static_cast<std::size_t>(Sizes.layers)> layers{};
        friend bool operator==(const state&, const state&) = default;
    };

    /// Scratch for calls of at most `Tokens` tokens.
    template <index Tokens = 1>
    struct workspace {
        static_assert(Tokens > 0, "ssm: a workspace has room for at least one token");
        numbers<Tokens, Sizes.hidden> residual;
        numbers<Tokens, Sizes.hidden> normed;
        numbers<Tokens, 2 * Sizes.inner> xz;
        numbers<Tokens, Sizes.inner> x;
        numbers<Tokens, low> dt_b_c;
        numbers<Tokens, Sizes.inner> dt;
    };

    /// A view of weights that outlive it.
    explicit constexpr static_model(const weights& of) noexcept : weights_(&of) {}

    /// Moves `memory` on over `ids` and writes the logits after the last of them.
    template <index Tokens>
    [[nodiscard]] static_status forward(std::span<const token_id> ids, state& memory, workspace<Tokens>& scratch,
                                        view<S, Sizes.vocab> logits) const {
        if (ids.empty()) return static_status::no_tokens;
        if (ids.size() > static_cast<std::size_t>(Tokens)) return static_status::too_many_tokens;
        for (const token_id id : ids)
            if (id < 0 || id >= Sizes.vocab) return static_status::unknown_token;

        const auto tokens = static_cast<index>(ids.size());
        const auto residual = first_rows<Sizes.hidden>(scratch.residual, tokens);
        for (index t = 0; t < tokens; ++t) {
            const S* const row = weights_->embedding.data() + ids[static_cast<std::size_t>(t)] * Sizes.hidden;
            for (index i = 0; i < Sizes.hidden; ++i) residual(t, i) = row[i];
        }
        for (std::size_t i = 0; i < memory.layers.size(); ++i)
            add_mixer(weights_->layers[i], memory.layers[i], residual, scratch);

        const auto last = first_rows<Sizes.hidden>(scratch.normed, 1);
        math::rms_norm(residual.rows(tokens - 1, 1), all(weights_->norm), weights_->norm_eps, last);
        const auto& head = [this]() -> const auto& {
            if constexpr (Sizes.tied_head)
                return weights_->embedding;
            else
                return weights_->head;
        }
        ();
        math::multiply(last, matrix<Sizes.hidden>(head), {}, view<S, 1, Sizes.vocab>(logits.data(), 1, Sizes.vocab));
        return static_status::done;
    }

private:
    /// residual += mixer(rms_norm(residual)), the equations of `mamba_mixer`.
    template <index Tokens>
    void add_mixer(const layer_weights& w, typename state::layer& memory, view<S, dyn, Sizes.hidden> residual,
                   workspace<Tokens>& scratch) const {
        constexpr index rank = Sizes.dt_rank, n = Sizes.state, inner = Sizes.inner;
        const index tokens = residual.rows();
        const auto normed = first_rows<Sizes.hidden>(scratch.normed, tokens);
        math::rms_norm(residual, all(w.norm), weights_->norm_eps, normed);

        const auto xz = first_rows<2 * inner>(scratch.xz, tokens);
        const auto x = first_rows<inner>(scratch.x, tokens);
        const auto z = xz.columns(inner, inner);
        math::multiply(normed, matrix<Sizes.hidden>(w.in_proj), all(w.in_bias), xz);
        math::causal_conv(xz.columns(0, inner), matrix<inner>(w.taps), all(w.conv_bias), matrix<inner>(memory.window),
                          x);
        for_each(x, [](S& value) { value = math::silu(value); });

        const auto dt_b_c = first_rows<low>(scratch.dt_b_c, tokens);
        math::multiply(x, matrix<inner>(w.x_proj), {}, dt_b_c);
        normalise(dt_b_c.columns(0, rank), w.dt_gain);
        normalise(dt_b_c.columns(rank, n), w.b_gain);
        normalise(dt_b_c.columns(rank + n, n), w.c_gain);
        const auto dt = first_rows<inner>(scratch.dt, tokens);
        math::multiply(dt_b_c.columns(0, rank), matrix<rank>(w.dt_proj), all(w.dt_bias), dt);
        for_each(dt, [](S& value) { value = math::softplus(value); });

        const auto y = xz.columns(0, inner);  // the convolution is done with its input
        const selective<S> r{matrix<inner>(w.a), all(w.d), dt, x, dt_b_c.columns(rank, n), dt_b_c.columns(rank + n, n)};
        math::selective_scan(r, tokens, inner, n, matrix<inner>(memory.h), y);
        for (index t = 0; t < tokens; ++t)
            for (index ch = 0; ch < inner; ++ch) y(t, ch) = y(t, ch) * math::silu(z(t, ch));
        math::multiply_add(y, matrix<inner>(w.out_proj), all(w.out_bias), residual);
    }

    /// The norm policy, on one of dt, B and C.
    template <class Gain>
    void normalise(matrix_view<S> part, const Gain& gain) const {
        if constexpr (Norm::normalises) math::rms_norm(part, all(gain), weights_->mixer_norm_eps, part);
    }

    template <class F>
    static void for_each(matrix_view<S> of, F f) {
        for (index t = 0; t < of.rows(); ++t)
            for (index i = 0; i < of.columns(); ++i) f(of(t, i));
    }

    template <std::size_t Size>
    static vector_view<const S> all(const std::array<S, Size>& of) {
        return vector_view<const S>(of.data(), static_cast<index>(Size));
    }
    template <index Columns, std::size_t Size>
    static auto matrix(const std::array<S, Size>& of) {
        constexpr index rows = static_cast<index>(Size) / Columns;
        return view<const S, rows, Columns>(of.data(), rows, Columns);
    }
    template <index Columns, std::size_t Size>
    static auto matrix(std::array<S, Size>& of) {
        constexpr index rows = static_cast<index>(Size) / Columns;
        return view<S, rows, Columns>(of.data(), rows, Columns);
    }
    template <index Columns, std::size_t Size>
    static view<S, dyn, Columns> first_rows(std::array<S, Size>& of, index rows) {
        return view<S, dyn, Columns>(of.data(), rows, Columns);
    }

    const weights* weights_;
};

}  // namespace ssm
