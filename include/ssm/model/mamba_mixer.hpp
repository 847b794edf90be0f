// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/capabilities.hpp>
#include <ssm/backend/concepts.hpp>
#include <ssm/core/model_config.hpp>
#include <ssm/model/gated_scan.hpp>
#include <ssm/model/mixer_parameters.hpp>
#include <ssm/model/projection.hpp>
#include <ssm/model/short_conv.hpp>
#include <ssm/model/state.hpp>
#include <ssm/model/trace.hpp>
#include <ssm/model/weight_loader.hpp>
#include <ssm/model/workspace.hpp>
#include <ssm/policy/norm.hpp>
#include <ssm/policy/recurrence.hpp>
#include <ssm/policy/scan.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace ssm {

/// The Mamba-1 mixer (Gu and Dao 2023, figure 3), with the norm on dt, B and C that `Arch` names.
///
///     x, z = in_proj(u);  x = silu(conv(x));  dt, B, C = norm(x_proj(x));  dt = softplus(dt_proj(dt))
///     out  = out_proj(scan(x, dt, A, B, C, D) * silu(z))
template <class Backend, class Arch>
class mamba_mixer {
    using norm = typename Arch::bcdt_norm;
    static_assert(norm_policy<norm>,
                  "ssm: an arch's bcdt_norm is a norm policy: no_norm, unit_rms, learned_rms or your own");
    using scan = typename Arch::scan;
    static_assert(scan_policy_on<scan, Backend>,
                  "ssm: an arch's scan is a scan policy that the backend has a scan_kernel for");

    using vector = typename Backend::template buffer<float>;
    using activation = typename Backend::activation;
    using parameters = selective<float, activation>;
    using recurrence = typename Arch::template recurrence<float, activation>;
    static_assert(selective_variant<recurrence, float, activation>,
                  "ssm: an arch's recurrence is made from an ssm::selective: see selective_variant in "
                  "policy/recurrence.hpp");
    static constexpr bool fuses_scan = fuses_gated_scan<Backend, scan, recurrence, vector_view<const float>>;
    static constexpr bool is_stock = std::same_as<recurrence, parameters>;  // which a backend's step has inside

public:
    /// Takes the tensors called `prefix` + "in_proj.weight" and so on.
    mamba_mixer(weight_loader<Backend>& load, const std::string& prefix, const model_config& config)
        : config_(config),
          in_proj_(load, prefix + "in_proj", 2 * config.inner, config.hidden, config.projection_bias),
          conv_(load, prefix, config.inner, config),
          x_proj_(load, prefix + "x_proj", config.dt_rank + 2 * config.state, config.inner, false),
          dt_gain_(load.vector_if(norm::has_gain, prefix + "dt_layernorm.weight", config.dt_rank)),
          b_gain_(load.vector_if(norm::has_gain, prefix + "b_layernorm.weight", config.state)),
          c_gain_(load.vector_if(norm::has_gain, prefix + "c_layernorm.weight", config.state)),
          dt_proj_(load, prefix + "dt_proj", config.inner, config.dt_rank, true),
          a_(load.upload(
              transposed(decay_rates_of(load.values(prefix + "A_log", {config.inner, config.state})), config.inner))),
          d_(load.vector(prefix + "D", config.inner)),
          out_proj_(load, prefix + "out_proj", config.hidden, config.inner, config.projection_bias) {}

    /// What a layer remembers.
    [[nodiscard]] static layer_shape shape(const model_config& config) {
        return {config.conv - 1, config.state, config.inner};
    }

    /// Workspace bytes that `forward` or `step` takes for this many tokens; the norm before it is the block's.
    [[nodiscard]] static index scratch(const model_config& config, index tokens) {
        const index low = config.dt_rank + 2 * config.state;
        index after_xz = 2 * scratch_size<activation>(tokens, config.inner) + scratch_size<activation>(tokens, low);
        if constexpr (is_stock && steps_mamba<Backend, typename Arch::conv_state>)
            after_xz = std::max(after_xz, scratch_size<float>(Backend::step_parts * tokens, low));
        return scratch_size<activation>(tokens, 2 * config.inner) + after_xz;
    }

    /// Columns of the trace: x before the convolution and after it, dt and B, from which the state follows. To the bit
    /// only where a scan groups the same tokens in any call alike.
    [[nodiscard]] static index trace_width(const model_config& config) requires std::same_as<scan, sequential> {
        return 3 * config.inner + config.state;
    }

    /// residual += mixer(u); u and residual (sequences * tokens, hidden). Advances the window and h, not the cursor.
    /// What `replay` needs goes to trace (sequences * tokens, trace_width), unless that is empty.
    void forward(const Backend& device, const_activations<Backend> u, layer_state memory, workspace<Backend>& scratch,
                 matrix_view<float> residual, activations<Backend> trace = {}) const {
        const layer_part all{memory, u.rows()};
        forward(device, u, std::span(&all, 1), scratch, residual, trace);
    }

    /// The same for parts of u that have each a state of their own.
    void forward(const Backend& device, const_activations<Backend> u, std::span<const layer_part> parts,
                 workspace<Backend>& scratch, matrix_view<float> residual, activations<Backend> trace = {}) const {
        const index tokens = u.rows();
        const activations<Backend> xz = scratch.take(tokens, 2 * config_.inner);
        in_proj_.multiply(device, u, xz);
        const activations<Backend> x_in = xz.columns(0, config_.inner);
        const activations<Backend> z = xz.columns(config_.inner, config_.inner);

        const activations<Backend> x = scratch.take(tokens, config_.inner);
        index first = 0;
        for (const auto& [memory, rows] : parts) {
            conv_.forward(device, x_in.rows(first, rows), memory, x.rows(first, rows));
            first += rows;
        }

        const index n = config_.state, rank = config_.dt_rank;
        const activations<Backend> dt_b_c = scratch.take(tokens, rank + 2 * n);
        x_proj_.multiply(device, x, dt_b_c);
        if constexpr (norm::normalises) normalise(device, dt_b_c);
        const activations<Backend> b = dt_b_c.columns(rank, n);
        const activations<Backend> c = dt_b_c.columns(rank + n, n);
        const activations<Backend> dt = scratch.take(tokens, config_.inner);
        device.multiply(dt_b_c.columns(0, rank), dt_proj_.weight(),
                        fuses_scan ? vector_view<const float>() : dt_proj_.bias(), dt);
        if constexpr (!fuses_scan) device.softplus(dt);
        keep(device, trace, x_in, x, dt, b);

        const activations<Backend> y = x_in;  // the convolution is done with its input
        first = 0;
        for (const auto& [memory, rows] : parts) {
            const recurrence r{parameters{decay_rates(), view_of(d_), dt.rows(first, rows), x.rows(first, rows),
                                          b.rows(first, rows), c.rows(first, rows)}};
            gated_scan(device, scan{}, r, dt_proj_.bias(), z.rows(first, rows), memory, y.rows(first, rows));
            first += rows;
        }
        out_proj_.multiply_add(device, y, residual);
    }

    /// Moves a layer's state on as `forward` did that left this trace, with the same operations.
    void replay(const Backend& device, const_activations<Backend> trace, layer_state memory,
                workspace<Backend>& scratch) const {
        const activations<Backend> unused = scratch.take(trace.rows(), config_.inner);
        const const_activations<Backend> x = traced(trace, 1, config_.inner);
        const const_activations<Backend> b = traced(trace, 3, config_.state);
        // Only for the window: a backend may round x differently in a call of another length.
        conv_.forward(device, traced(trace, 0, config_.inner), memory, unused);
        // B stands for C and x for z, on which the state does not depend.
        const recurrence r{parameters{decay_rates(), view_of(d_), traced(trace, 2, config_.inner), x, b, b}};
        gated_scan(device, scan{}, r, dt_proj_.bias(), x, memory, unused);
    }

    /// Whether the backend takes one token of each of these sequences through the layer at once.
    /// A template, as step is: clang before 16 compiles every other member of a class that is instantiated by name.
    template <steps_mamba<typename Arch::conv_state> Device>
    [[nodiscard]] bool steps(const Device& device, const layer_state& memory) const requires is_stock {
        return memory.sequences <= device.most_steps(layer({}, 0));
    }

    /// residual += mixer(rms_norm(residual)) for one token of each sequence.
    template <steps_mamba<typename Arch::conv_state> Device>
    void step(const Device& device, vector_view<const float> norm_gain, float norm_eps, layer_state memory,
              workspace<Device>& scratch, matrix_view<float> residual) const requires is_stock {
        const index sequences = memory.sequences;
        const activations<Backend> u = scratch.take(sequences, config_.hidden);
        const activations<Backend> xz = scratch.take(sequences, 2 * config_.inner);
        const matrix_view<float> dt_b_c =
            scratch.template take<float>(Device::step_parts * sequences, config_.dt_rank + 2 * config_.state);
        device.template mamba_step<typename Arch::conv_state>(layer(norm_gain, norm_eps), residual, memory.window,
                                                              memory.cursor, memory.h, u, xz, dt_b_c);
    }

    /// Bytes of backend memory in the weights.
    [[nodiscard]] index bytes() const {
        return in_proj_.bytes() + conv_.bytes() + x_proj_.bytes() + dt_proj_.bytes() +
               bytes_of(dt_gain_, b_gain_, c_gain_, a_, d_) + out_proj_.bytes();
    }

private:
    [[nodiscard]] mamba_layer<Backend> layer(vector_view<const float> norm_gain, float norm_eps) const {
        return {.norm_gain = norm_gain,
                .norm_eps = norm_eps,
                .in_proj = &in_proj_.weight(),
                .in_bias = in_proj_.bias(),
                .taps = conv_.taps(),
                .conv_bias = conv_.bias(),
                .x_proj = &x_proj_.weight(),
                .normalises_dt_b_c = norm::normalises,
                .dt_b_c_eps = config_.mixer_norm_eps,
                .dt_gain = view_of(dt_gain_),
                .b_gain = view_of(b_gain_),
                .c_gain = view_of(c_gain_),
                .dt_proj = &dt_proj_.weight(),
                .dt_bias = dt_proj_.bias(),
                .a = decay_rates(),
                .d = view_of(d_),
                .out_proj = &out_proj_.weight(),
                .out_bias = out_proj_.bias()};
    }

    [[nodiscard]] matrix_view<const float> decay_rates() const {
        return matrix_view<const float>(a_.data(), config_.state, config_.inner);
    }

    /// Columns of a trace, after `parts` parts of the inner width.
    [[nodiscard]] const_activations<Backend> traced(const_activations<Backend> trace, index parts,
                                                    index columns) const {
        return trace.columns(parts * config_.inner, columns);
    }

    /// The norm policy, on dt, B and C: dt_b_c (tokens, R + 2N).
    void normalise(const Backend& device, activations<Backend> dt_b_c) const {
        const std::array<index, 3> sizes{config_.dt_rank, config_.state, config_.state};
        const std::array<vector_view<const float>, 3> gains{view_of(dt_gain_), view_of(b_gain_), view_of(c_gain_)};
        if constexpr (normalises_parts<Backend>) {
            device.rms_norm_parts(dt_b_c, sizes, gains, config_.mixer_norm_eps);
        } else {
            index first = 0;
            for (std::size_t i = 0; i < sizes.size(); first += sizes[i++]) {
                const activations<Backend> part = dt_b_c.columns(first, sizes[i]);
                device.rms_norm(part, gains[i], config_.mixer_norm_eps, part);
            }
        }
    }

    model_config config_;
    projection<Backend> in_proj_;  // hidden -> x, z
    short_conv<Backend, typename Arch::conv_state> conv_;
    projection<Backend> x_proj_;    // inner -> dt, B, C
    vector dt_gain_;                // (R) or empty
    vector b_gain_;                 // (N) or empty
    vector c_gain_;                 // (N) or empty
    projection<Backend> dt_proj_;   // R -> inner
    vector a_;                      // (N, inner), negative
    vector d_;                      // (inner)
    projection<Backend> out_proj_;  // inner -> hidden
};

}  // namespace ssm
