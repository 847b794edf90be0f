// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/capabilities.hpp>
#include <ssm/backend/concepts.hpp>
#include <ssm/core/model_config.hpp>
#include <ssm/model/group_norm.hpp>
#include <ssm/model/mixer_parameters.hpp>
#include <ssm/model/projection.hpp>
#include <ssm/model/short_conv.hpp>
#include <ssm/model/state.hpp>
#include <ssm/model/trace.hpp>
#include <ssm/model/weight_loader.hpp>
#include <ssm/model/workspace.hpp>
#include <ssm/policy/recurrence.hpp>
#include <ssm/policy/scan.hpp>

#include <concepts>
#include <string>

namespace ssm {

/// The Mamba-2 mixer (Dao and Gu 2024, section 7.1), as in transformers and mamba_ssm: heads, one projection for all that
/// depends on the token, and a norm of each group after the gate.
///
///     z, xBC, dt = in_proj(u);  x, B, C = silu(conv(xBC));  dt = softplus(dt + dt_bias), held to its limits
///     out        = out_proj(rms_norm(scan(x, dt, A, B, C, D) * silu(z)))
///
/// dt is float from the projection on: a decay is e to a multiple of it.
template <class Backend, class Arch>
class mamba2_mixer {
    using scan = typename Arch::scan;
    static_assert(scan_policy_on<scan, Backend>,
                  "ssm: an arch's scan is a scan policy that the backend has a scan_kernel for");
    using activation = typename Backend::activation;

public:
    /// Takes the tensors called `prefix` + "in_proj.weight" and so on. Throws config_error for heads that do not divide the
    /// channels, or groups that do not divide the heads.
    mamba2_mixer(weight_loader<Backend>& load, const std::string& prefix, const model_config& config)
        : config_(checked(config)),
          in_proj_(load, prefix + "in_proj", z_xbc(config) + config.heads, config.hidden, config.projection_bias, 0,
                   z_xbc(config)),
          dt_proj_(load, prefix + "in_proj", z_xbc(config) + config.heads, config.hidden, config.projection_bias,
                   z_xbc(config), config.heads, load.values(prefix + "dt_bias", {config.heads})),
          conv_(load, prefix, xbc(config), config),
          a_(load.upload(decay_rates_of(load.values(prefix + "A_log", {config.heads})))),
          d_(load.vector(prefix + "D", config.heads)),
          norm_(load.vector(prefix + "norm.weight", config.inner)),
          out_proj_(load, prefix + "out_proj", config.hidden, config.inner, config.projection_bias) {}

    /// What a layer remembers.
    [[nodiscard]] static layer_shape shape(const model_config& config) {
        return {config.conv - 1, config.state, config.inner, xbc(config)};
    }

    /// Workspace bytes that `forward` takes for this many tokens.
    [[nodiscard]] static index scratch(const model_config& config, index tokens) {
        return scratch_size<activation>(tokens, z_xbc(config)) + scratch_size<activation>(tokens, xbc(config)) +
               scratch_size<float>(tokens, config.heads);
    }

    /// Columns of the trace: xBC before the convolution and after it, and dt.
    [[nodiscard]] static index trace_width(const model_config& config) requires std::same_as<scan, sequential> {
        return 2 * xbc(config) + traced_floats<Backend>(config.heads);
    }

    /// residual += mixer(u); u and residual (sequences * tokens, hidden). Advances the window and h, not the cursor.
    /// What `replay` needs goes to trace (sequences * tokens, trace_width), unless that is empty.
    void forward(const Backend& device, const_activations<Backend> u, layer_state memory, workspace<Backend>& scratch,
                 matrix_view<float> residual, activations<Backend> trace = {}) const {
        const activations<Backend> projected = scratch.take(u.rows(), z_xbc(config_));
        const activations<Backend> z = projected.columns(0, config_.inner);
        const activations<Backend> before = projected.columns(config_.inner, xbc(config_));
        const activations<Backend> x_b_c = scratch.take(u.rows(), xbc(config_));
        const matrix_view<float> dt = scratch.template take<float>(u.rows(), config_.heads);
        in_proj_.multiply(device, u, projected);
        dt_proj_.multiply(device, u, dt);
        conv_.forward(device, before, memory, x_b_c);
        if (!trace.empty()) {
            device.copy(before, trace.columns(0, xbc(config_)));
            device.copy(x_b_c, trace.columns(xbc(config_), xbc(config_)));
            device.copy(dt, floats_of(trace, 2 * xbc(config_), config_.heads));
        }
        const activations<Backend> y = before.columns(0, config_.inner);  // the convolution is done with its input
        gated_scan(device, x_b_c, dt, z, memory, y);
        normalise_groups(device, y, config_.groups, view_of(norm_), config_.norm_eps);
        out_proj_.multiply_add(device, y, residual);
    }

    /// Moves a layer's state on as `forward` did that left this trace, with the same operations.
    void replay(const Backend& device, const_activations<Backend> trace, layer_state memory,
                workspace<Backend>& scratch) const {
        const activations<Backend> unused = scratch.take(trace.rows(), xbc(config_));
        const matrix_view<float> dt = scratch.template take<float>(trace.rows(), config_.heads);
        const const_activations<Backend> x_b_c = trace.columns(xbc(config_), xbc(config_));
        device.copy(floats_of(trace, 2 * xbc(config_), config_.heads), dt);
        conv_.forward(device, trace.columns(0, xbc(config_)), memory, unused);
        // x stands for z, on which the state does not depend.
        gated_scan(device, x_b_c, dt, x_b_c.columns(0, config_.inner), memory, unused.columns(0, config_.inner));
    }

    /// Bytes of backend memory in the weights.
    [[nodiscard]] index bytes() const {
        return in_proj_.bytes() + dt_proj_.bytes() + conv_.bytes() + bytes_of(a_, d_, norm_) + out_proj_.bytes();
    }

private:
    [[nodiscard]] static const model_config& checked(const model_config& config) {
        require_divisor(config, "num_heads", config.heads, "channels", config.inner);
        require_divisor(config, "n_groups", config.groups, "heads", config.heads);
        return config;
    }

    /// Columns of x, B and C, which the convolution sees, and of these with z.
    [[nodiscard]] static index xbc(const model_config& config) {
        return config.inner + 2 * config.groups * config.state;
    }
    [[nodiscard]] static index z_xbc(const model_config& config) { return config.inner + xbc(config); }

    /// y = scan(x, softplus(dt), A, B, C, D) silu(z); dt is scratch.
    void gated_scan(const Backend& device, const_activations<Backend> x_b_c, matrix_view<float> dt,
                    const_activations<Backend> z, layer_state memory, activations<Backend> y) const {
        const index width = config_.groups * config_.state;
        const multihead_selective<float, activation> r{view_of(a_),
                                                       view_of(d_),
                                                       dt,
                                                       x_b_c.columns(0, config_.inner),
                                                       x_b_c.columns(config_.inner, width),
                                                       x_b_c.columns(config_.inner + width, width),
                                                       config_.groups,
                                                       config_.least_dt,
                                                       config_.most_dt};
        if constexpr (fuses_multihead_scan<Backend, scan>) {
            device.gated_multihead_scan(scan{}, r, z, memory.h, memory.sequences, y);
        } else {
            device.softplus(dt);
            device.scan(scan{}, r, memory.h, memory.sequences, y);
            device.gate(z, y);
        }
    }

    using vector = typename Backend::template buffer<float>;

    model_config config_;
    projection<Backend> in_proj_;  // hidden -> z, x, B, C
    projection<Backend> dt_proj_;  // hidden -> dt, a head each; stored as the last rows of in_proj
    short_conv<Backend, typename Arch::conv_state> conv_;
    vector a_;                      // (heads), negative
    vector d_;                      // (heads)
    vector norm_;                   // (inner)
    projection<Backend> out_proj_;  // inner -> hidden
};

}  // namespace ssm
