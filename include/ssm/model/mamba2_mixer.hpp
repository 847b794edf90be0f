// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/concepts.hpp>
#include <ssm/core/error.hpp>
#include <ssm/core/model_config.hpp>
#include <ssm/model/mixer_parameters.hpp>
#include <ssm/model/short_conv.hpp>
#include <ssm/model/state.hpp>
#include <ssm/model/weight_loader.hpp>
#include <ssm/model/workspace.hpp>
#include <ssm/policy/recurrence.hpp>
#include <ssm/policy/scan.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

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

    using matrix = typename Backend::matrix;
    using vector = typename Backend::template buffer<float>;
    using activation = typename Backend::activation;

public:
    /// Takes the tensors called `prefix` + "in_proj.weight" and so on. Throws config_error for heads that do not divide the
    /// channels, or groups that do not divide the heads.
    mamba2_mixer(weight_loader<Backend>& load, const std::string& prefix, const model_config& config)
        : config_(checked(config)),
          in_proj_(load.matrix_rows(prefix + "in_proj.weight", before_dt(config) + config.heads, config.hidden, 0,
                                    before_dt(config))),
          dt_proj_(load.matrix_rows(prefix + "in_proj.weight", before_dt(config) + config.heads, config.hidden,
                                    before_dt(config), config.heads)),
          in_bias_(load.upload(in_bias_of(load, prefix, config))),
          dt_bias_(load.upload(dt_bias_of(load, prefix, config))),
          conv_(load, prefix, convolved(config), config),
          a_(load.upload(decay_rates_of(load.values(prefix + "A_log", {config.heads})))),
          d_(load.vector(prefix + "D", config.heads)),
          norm_(load.vector(prefix + "norm.weight", config.inner)),
          out_proj_(load.matrix(prefix + "out_proj.weight", config.hidden, config.inner)),
          out_bias_(load.vector_if(config.projection_bias, prefix + "out_proj.bias", config.hidden)) {}

    /// What a layer remembers.
    [[nodiscard]] static layer_shape shape(const model_config& config) {
        return {config.conv - 1, config.state, config.inner, convolved(config)};
    }

    /// Workspace bytes that `forward` takes for this many tokens.
    [[nodiscard]] static index scratch(const model_config& config, index tokens) {
        return scratch_size<activation>(tokens, before_dt(config)) + scratch_size<float>(tokens, config.heads) +
               scratch_size<activation>(tokens, convolved(config));
    }

    /// Columns of the trace: xBC before the convolution and after it, and dt, whose floats take the place of as many
    /// activations as have their size.
    [[nodiscard]] static index trace_width(const model_config& config) requires std::same_as<scan, sequential> {
        return 2 * convolved(config) + config.heads * per_float;
    }

    /// residual += mixer(u); u and residual (sequences * tokens, hidden). Advances the window and h, not the cursor.
    /// What `replay` needs goes to trace (sequences * tokens, trace_width), unless that is empty.
    void forward(const Backend& device, const_activations<Backend> u, layer_state memory, workspace<Backend>& scratch,
                 matrix_view<float> residual, activations<Backend> trace = {}) const {
        const activations<Backend> z_xbc = scratch.take(u.rows(), before_dt(config_));
        device.multiply(u, in_proj_, view_of(in_bias_), z_xbc);
        const activations<Backend> z = z_xbc.columns(0, config_.inner);
        const activations<Backend> xbc_in = z_xbc.columns(config_.inner, convolved(config_));
        const activations<Backend> xbc = scratch.take(u.rows(), convolved(config_));
        conv_.forward(device, xbc_in, memory, xbc);
        const matrix_view<float> dt = scratch.template take<float>(u.rows(), config_.heads);
        device.multiply(u, dt_proj_, view_of(dt_bias_), dt);
        device.softplus(dt);
        if (!trace.empty()) {
            device.copy(xbc_in, trace.columns(0, convolved(config_)));
            device.copy(xbc, trace.columns(convolved(config_), convolved(config_)));
            device.copy(matrix_view<const float>(dt), traced_dt<float>(trace));
        }
        const activations<Backend> y = xbc_in.columns(0, config_.inner);  // the convolution is done with its input
        device.scan(scan{}, recurrence(xbc, dt), memory.h, memory.sequences, y);
        device.gate(z, y);
        normalise_groups(device, y);
        device.multiply_add(y, out_proj_, view_of(out_bias_), residual);
    }

    /// Moves a layer's state on as `forward` did that left this trace, with the same operations.
    void replay(const Backend& device, const_activations<Backend> trace, layer_state memory,
                workspace<Backend>& scratch) const {
        const activations<Backend> unused = scratch.take(trace.rows(), convolved(config_));
        conv_.forward(device, trace.columns(0, convolved(config_)), memory, unused);
        const const_activations<Backend> xbc = trace.columns(convolved(config_), convolved(config_));
        device.scan(scan{}, recurrence(xbc, traced_dt<const float>(trace)), memory.h, memory.sequences,
                    unused.columns(0, config_.inner));
    }

    /// Bytes of backend memory in the weights.
    [[nodiscard]] index bytes() const {
        const auto vectors = static_cast<index>(in_bias_.size() + dt_bias_.size() + a_.size() + d_.size() +
                                                norm_.size() + out_bias_.size());
        return in_proj_.bytes() + dt_proj_.bytes() + out_proj_.bytes() +
               (vectors + conv_.size()) * index{sizeof(float)};
    }

private:
    [[nodiscard]] static const model_config& checked(const model_config& config) {
        const auto require = [&](const char* field, index count, const char* of, index all) {
            if (count < 1 || all % count != 0)
                throw config_error({config.source,
                                    field,
                                    std::to_string(count),
                                    "a divisor of the " + std::to_string(all) + " " + of,
                                    {}});
        };
        require("num_heads", config.heads, "channels", config.inner);
        require("n_groups", config.groups, "heads", config.heads);
        return config;
    }

    /// Columns of xBC, which the convolution sees, and of all that in_proj gives but dt: z, xBC.
    [[nodiscard]] static index convolved(const model_config& config) {
        return config.inner + 2 * config.groups * config.state;
    }
    [[nodiscard]] static index before_dt(const model_config& config) { return config.inner + convolved(config); }

    /// The bias of in_proj without dt's part, empty if it has none.
    [[nodiscard]] static std::vector<float> in_bias_of(weight_loader<Backend>& load, const std::string& prefix,
                                                       const model_config& config) {
        if (!config.projection_bias) return {};
        std::vector<float> bias = load.values(prefix + "in_proj.bias", {before_dt(config) + config.heads});
        bias.resize(static_cast<std::size_t>(before_dt(config)));
        return bias;
    }
    /// dt's own bias, with in_proj's.
    [[nodiscard]] static std::vector<float> dt_bias_of(weight_loader<Backend>& load, const std::string& prefix,
                                                       const model_config& config) {
        std::vector<float> bias = load.values(prefix + "dt_bias", {config.heads});
        if (!config.projection_bias) return bias;
        const std::vector<float> all = load.values(prefix + "in_proj.bias", {before_dt(config) + config.heads});
        std::transform(bias.begin(), bias.end(), all.begin() + before_dt(config), bias.begin(), std::plus<>());
        return bias;
    }

    [[nodiscard]] multihead_selective<float, activation> recurrence(const_activations<Backend> xbc,
                                                                    matrix_view<const float> dt) const {
        const index width = config_.groups * config_.state;
        return {view_of(a_),
                view_of(d_),
                dt,
                xbc.columns(0, config_.inner),
                xbc.columns(config_.inner, width),
                xbc.columns(config_.inner + width, width),
                config_.groups,
                config_.least_dt,
                config_.most_dt};
    }

    static constexpr index per_float = index{sizeof(float)} / index{sizeof(activation)};

    /// dt, the last columns of a trace, which begin at an even number of activations.
    template <class T, class Row>
    [[nodiscard]] matrix_view<T> traced_dt(matrix_view<Row> trace) const {
        Row* const first = trace.data() + 2 * convolved(config_);
        return matrix_view<T>::with_stride(reinterpret_cast<T*>(first), trace.rows(), config_.heads,
                                           trace.stride() / per_float);
    }

    void normalise_groups(const Backend& device, activations<Backend> y) const {
        const index width = config_.inner / config_.groups;
        for (index first = 0; first < config_.inner; first += width) {
            const activations<Backend> group = y.columns(first, width);
            device.rms_norm(group, vector_view<const float>(norm_.data() + first, width), config_.norm_eps, group);
        }
    }

    model_config config_;
    matrix in_proj_;  // (2 inner + 2 GN, hidden): z, x, B, C
    matrix dt_proj_;  // (heads, hidden): the rest of it, dt
    vector in_bias_;  // (2 inner + 2 GN) or empty
    vector dt_bias_;  // (heads)
    short_conv<Backend, typename Arch::conv_state> conv_;
    vector a_;         // (heads), negative
    vector d_;         // (heads)
    vector norm_;      // (inner)
    matrix out_proj_;  // (hidden, inner)
    vector out_bias_;  // (hidden) or empty
};

}  // namespace ssm
