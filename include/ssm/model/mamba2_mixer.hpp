// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/capabilities.hpp>
#include <ssm/backend/concepts.hpp>
#include <ssm/core/limits.hpp>
#include <ssm/core/model_config.hpp>
#include <ssm/model/gated_scan.hpp>
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

/// What a Mamba-2 layer has by head and by group. With its recurrence, a projection for dt alone and `normalise_groups` it is all
/// that a Mamba layer has not.
template <class Backend>
struct mamba2_heads {
    mamba2_heads(weight_loader<Backend>& load, const std::string& prefix, const model_config& config)
        : a(load.upload(decay_rates_of(load.values(prefix + "A_log", {config.heads})))),
          d(load.vector(prefix + "D", config.heads)),
          norm(load.vector(prefix + "norm.weight", config.inner)) {}

    /// Columns of x, B and C, which the convolution sees, and of these with z.
    [[nodiscard]] static index xbc(const model_config& config) {
        return config.inner + 2 * config.groups * config.state;
    }
    [[nodiscard]] static index z_xbc(const model_config& config) { return config.inner + xbc(config); }

    /// Of x, B and C beside one another, (tokens, xbc), and dt (tokens, heads).
    [[nodiscard]] multihead_selective<float, typename Backend::activation> recurrence(
        const model_config& config, const_activations<Backend> x_b_c, matrix_view<const float> dt) const {
        const index width = config.groups * config.state;
        const const_activations<Backend> x = x_b_c.columns(0, config.inner);
        const const_activations<Backend> b = x_b_c.columns(config.inner, width);
        const const_activations<Backend> c = x_b_c.columns(config.inner + width, width);
        return {view_of(a), view_of(d), dt, x, b, c, config.groups};
    }

    typename Backend::template buffer<float> a;     ///< (heads), negative
    typename Backend::template buffer<float> d;     ///< (heads)
    typename Backend::template buffer<float> norm;  ///< (inner)
};

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
    using heads = mamba2_heads<Backend>;
    static constexpr bool fuses_scan = fuses_gated_scan<Backend, scan, multihead_selective<float, activation>, limits>;

public:
    /// Takes the tensors called `prefix` + "in_proj.weight" and so on. Throws config_error for heads that do not divide the
    /// channels, or groups that do not divide the heads.
    mamba2_mixer(weight_loader<Backend>& load, const std::string& prefix, const model_config& config)
        : config_(checked(config)),
          in_proj_(load, prefix + "in_proj", heads::z_xbc(config) + config.heads, config.hidden, config.projection_bias,
                   0, heads::z_xbc(config)),
          dt_proj_(load, prefix + "in_proj", heads::z_xbc(config) + config.heads, config.hidden, config.projection_bias,
                   heads::z_xbc(config), config.heads, load.values(prefix + "dt_bias", {config.heads})),
          conv_(load, prefix, heads::xbc(config), config),
          heads_(load, prefix, config),
          out_proj_(load, prefix + "out_proj", config.hidden, config.inner, config.projection_bias) {}

    /// What a layer remembers.
    [[nodiscard]] static layer_shape shape(const model_config& config) {
        return {config.conv - 1, config.state, config.inner, heads::xbc(config)};
    }

    /// Workspace bytes that `forward` takes for this many tokens.
    [[nodiscard]] static index scratch(const model_config& config, index tokens) {
        return scratch_size<activation>(tokens, heads::z_xbc(config)) +
               scratch_size<activation>(tokens, heads::xbc(config)) + scratch_size<float>(tokens, config.heads);
    }

    /// Columns of the trace: xBC before the convolution and after it, and dt.
    [[nodiscard]] static index trace_width(const model_config& config) requires std::same_as<scan, sequential> {
        return 2 * heads::xbc(config) + traced_floats<Backend>(config.heads);
    }

    /// residual += mixer(u); u and residual (sequences * tokens, hidden). Advances the window and h, not the cursor.
    /// What `replay` needs goes to trace (sequences * tokens, trace_width), unless that is empty.
    void forward(const Backend& device, const_activations<Backend> u, layer_state memory, workspace<Backend>& scratch,
                 matrix_view<float> residual, activations<Backend> trace = {}) const {
        const activations<Backend> projected = scratch.take(u.rows(), heads::z_xbc(config_));
        const activations<Backend> z = projected.columns(0, config_.inner);
        const activations<Backend> before = projected.columns(config_.inner, heads::xbc(config_));
        const activations<Backend> x_b_c = scratch.take(u.rows(), heads::xbc(config_));
        const matrix_view<float> dt = scratch.template take<float>(u.rows(), config_.heads);
        in_proj_.multiply(device, u, projected);
        dt_proj_.multiply(device, u, dt);
        if constexpr (!fuses_scan) device.softplus(dt, config_.dt_limits);
        conv_.forward(device, before, memory, x_b_c);
        keep(device, trace, before, x_b_c, dt);
        const activations<Backend> y = before.columns(0, config_.inner);  // the convolution is done with its input
        gated_scan(device, scan{}, heads_.recurrence(config_, x_b_c, dt), config_.dt_limits, z, memory, y);
        normalise_groups(device, y, config_.groups, view_of(heads_.norm), config_.norm_eps);
        out_proj_.multiply_add(device, y, residual);
    }

    /// Moves a layer's state on as `forward` did that left this trace, with the same operations.
    void replay(const Backend& device, const_activations<Backend> trace, layer_state memory,
                workspace<Backend>& scratch) const {
        const index width = heads::xbc(config_);
        const activations<Backend> unused = scratch.take(trace.rows(), width);
        const const_activations<Backend> x_b_c = trace.columns(width, width);
        const auto r = heads_.recurrence(config_, x_b_c, floats_of(trace, 2 * width, config_.heads));
        conv_.forward(device, trace.columns(0, width), memory, unused);
        // x stands for z, on which the state does not depend.
        gated_scan(device, scan{}, r, config_.dt_limits, r.x, memory, unused.columns(0, config_.inner));
    }

    /// Bytes of backend memory in the weights.
    [[nodiscard]] index bytes() const {
        return in_proj_.bytes() + conv_.bytes() + dt_proj_.bytes() + bytes_of(heads_.a, heads_.d, heads_.norm) +
               out_proj_.bytes();
    }

private:
    [[nodiscard]] static const model_config& checked(const model_config& config) {
        require_divisor(config, "num_heads", config.heads, "channels", config.inner);
        require_divisor(config, "n_groups", config.groups, "heads", config.heads);
        return config;
    }

    model_config config_;
    projection<Backend> in_proj_;  // hidden -> z, x, B, C
    projection<Backend> dt_proj_;  // hidden -> dt, a head each; stored as the last rows of in_proj
    short_conv<Backend, typename Arch::conv_state> conv_;
    heads heads_;
    projection<Backend> out_proj_;  // inner -> hidden
};

}  // namespace ssm
