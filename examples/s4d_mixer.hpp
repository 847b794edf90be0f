// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/ssm.hpp>

/// A new state-space model: S4D with a real diagonal between two projections and a gate. The recurrence is `ssm::s4d`;
/// what a mixer owes is written in ssm/model/mixer.hpp.
template <class Backend, class Arch>
class s4d_mixer {
public:
    s4d_mixer(ssm::weight_loader<Backend>& load, const std::string& prefix, const ssm::model_config& config)
        : config_(config),
          in_proj_(load, prefix + "in_proj", 2 * config.inner, config.hidden, false),
          out_proj_(load, prefix + "out_proj", config.hidden, config.inner, false),
          c_(load.upload(load.values(prefix + "C", {config.state, config.inner}))),
          d_(load.vector(prefix + "D", config.inner)) {
        std::vector<float> decay = ssm::decay_rates_of(load.values(prefix + "A_log", {config.state, config.inner}));
        std::vector<float> gain = load.values(prefix + "B", {config.state, config.inner});
        const std::vector<float> log_dt = load.values(prefix + "log_dt", {config.inner});
        for (std::size_t i = 0; i < decay.size(); ++i) {
            const auto step = ssm::zero_order_hold(decay[i], gain[i], std::exp(log_dt[i % log_dt.size()]));
            decay[i] = step.a;
            gain[i] = step.b;
        }
        decay_ = load.upload(decay);
        gain_ = load.upload(gain);
    }

    static ssm::layer_shape shape(const ssm::model_config& config) { return {0, config.state, config.inner}; }
    static ssm::index scratch(const ssm::model_config& config, ssm::index tokens) {
        return ssm::scratch_size<activation>(tokens, 2 * config.inner) +
               ssm::scratch_size<activation>(tokens, config.inner);
    }

    void forward(const Backend& device, ssm::const_activations<Backend> u, ssm::layer_state memory,
                 ssm::workspace<Backend>& scratch, ssm::matrix_view<float> residual) const {
        const auto xz = scratch.take(u.rows(), 2 * config_.inner);
        const auto y = scratch.take(u.rows(), config_.inner);
        in_proj_.multiply(device, u, xz);
        const ssm::s4d<float, activation> recurrence{by_channel(decay_), by_channel(gain_), by_channel(c_),
                                                     ssm::view_of(d_), xz.columns(0, config_.inner)};
        device.scan(typename Arch::scan{}, recurrence, memory.h, memory.sequences, y);
        device.gate(xz.columns(config_.inner, config_.inner), y);
        out_proj_.multiply_add(device, y, residual);
    }

    ssm::index bytes() const { return in_proj_.bytes() + out_proj_.bytes() + ssm::bytes_of(c_, d_, decay_, gain_); }

private:
    using activation = typename Backend::activation;
    ssm::matrix_view<const float> by_channel(const auto& v) const {
        return ssm::matrix_view<const float>(v.data(), config_.state, config_.inner);
    }

    ssm::model_config config_;
    ssm::projection<Backend> in_proj_, out_proj_;
    typename Backend::template buffer<float> c_, d_, decay_, gain_;
};
