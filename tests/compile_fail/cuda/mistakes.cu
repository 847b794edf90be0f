// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
// expect: ssm: a recurrence is trivially copyable, for it travels to a GPU as an argument of a kernel: it holds views
// expect: ssm: a recurrence has transition(t, ch, n) const, an ssm::affine<scalar>
// expect: ssm: a recurrence has readout(t, ch, n) const, a scalar
// expect: ssm: a scan policy is one that the backend has a scan_kernel for: see policy/scan.hpp
// expect: ssm: only a time-invariant recurrence runs as a convolution: it has unit_step(ch, n) and input(t, ch)
// expect: ssm: state_space_dual takes a recurrence with one decay a head: see decays_by_head in policy/recurrence.hpp
// expect: ssm: activations are float, ssm::bf16 or ssm::f16
// expect: ssm: a backend's execution is ssm::quickest or ssm::invariant
// expect: ssm: an arch's bcdt_norm is a norm policy: no_norm, unit_rms, learned_rms or your own
// expect: ssm: an arch's scan is a scan policy that the backend has a scan_kernel for
// expect: ssm: an arch's conv_state is a conv-state policy: shift_window, ring_window or your own
// expect: ssm: an arch's mixer needs a constructor (weight_loader&, prefix, config), shape, scratch, bytes and forward
// expect: ssm: the archs of a hybrid keep their conv inputs alike: give all of them one conv_state
// expect: ssm: model's first parameter is a backend: see backend/concepts.hpp for what it owes
// expect: ssm: a model is loaded onto a device of its own backend, the first parameter of its type
// expect: next_chunk(index left) const
// expect: ssm::view: a tensor seen by an operation has one or two dimensions
// expect: ssm::view: an extent is ssm::dyn or not negative
// expect: no suitable user-defined conversion from "const ssm::view<float, 3L, 4L>" to "ssm::view<const float, 3L, 5L>" exists

// The likeliest mistakes on the GPU, in one file because nvcc takes its time.
#include <ssm/backend/cuda/cuda.cuh>
#include <ssm/io/synthetic_checkpoint.hpp>
#include <ssm/ssm.hpp>

#include <span>
#include <vector>

struct forgetful {
    using scalar = float;
    SSM_HD ssm::affine<float> transition(ssm::index, ssm::index, ssm::index) const { return {0.5F, 1.0F}; }
    SSM_HD float skip(ssm::index, ssm::index) const { return 0.0F; }
};

struct decay_only {
    using scalar = float;
    SSM_HD float transition(ssm::index, ssm::index, ssm::index) const { return 0.5F; }
    SSM_HD float readout(ssm::index, ssm::index, ssm::index) const { return 1.0F; }
    SSM_HD float skip(ssm::index, ssm::index) const { return 0.0F; }
};
struct owning : ssm::selective<float> {
    std::vector<float> memory;
};

void run(const ssm::cuda_f32& device, ssm::matrix_view<float> h, ssm::matrix_view<float> y) {
    device.scan(ssm::sequential{}, forgetful{}, h, 1, y);
    device.scan(ssm::sequential{}, decay_only{}, h, 1, y);
    device.scan(ssm::sequential{}, owning{}, h, 1, y);
}

// A policy like the stock ones, which no backend knows.
struct backwards {
    friend bool operator==(const backwards&, const backwards&) = default;
};
void run(const ssm::cuda_f32& device, const ssm::s4d<float>& r, ssm::matrix_view<float> h, ssm::matrix_view<float> y) {
    device.scan(backwards{}, r, h, 1, y);
}

// Mamba-1's decays depend on the token, and are each state's own.
void run(const ssm::cuda_f32& device, const ssm::selective<float>& r, ssm::matrix_view<float> h,
         ssm::matrix_view<float> y) {
    device.scan(ssm::convolution{}, r, h, 1, y);
    device.scan(ssm::state_space_dual{}, r, h, 1, y);
}

constexpr auto double_activations = sizeof(ssm::basic_cuda<double>);
constexpr auto other_execution = sizeof(ssm::basic_cuda<float, ssm::sequential>);

struct other_norm : ssm::mamba_arch {
    using bcdt_norm = float;
};
constexpr auto with_other_norm = sizeof(ssm::mamba_mixer<ssm::cuda, other_norm>);

struct other_scan : ssm::mamba2_arch {
    using scan = backwards;
};
constexpr auto with_other_scan = sizeof(ssm::mamba2_mixer<ssm::cuda, other_scan>);

constexpr auto with_other_conv_state = sizeof(ssm::short_conv<ssm::cuda, float>);

template <class Backend, class Arch>
struct idle_mixer {
    idle_mixer(ssm::weight_loader<Backend>&, const std::string&, const ssm::model_config&) {}
    static ssm::layer_shape shape(const ssm::model_config&) { return {}; }
    static ssm::index scratch(const ssm::model_config&, ssm::index) { return 0; }
    ssm::index bytes() const { return 0; }
};
struct idle_arch : ssm::mamba_arch {
    template <class Backend, class Arch>
    using mixer = idle_mixer<Backend, Arch>;
};
constexpr auto with_idle_mixer = sizeof(ssm::block<ssm::cuda, idle_arch>);

struct ring_arch : ssm::mamba2_arch {
    using conv_state = ssm::ring_window;
};
constexpr auto of_two_conv_states = sizeof(ssm::model<ssm::cuda, ssm::hybrid_arch<ssm::mamba_arch, ring_arch>>);

constexpr auto arch_first = sizeof(ssm::model<ssm::mamba_arch, ssm::cuda>);

auto load(const ssm::synthetic_checkpoint& weights, const ssm::cuda_f16& device) {
    return ssm::load<ssm::falcon_mamba<ssm::cuda>>(weights, device);
}

void read(ssm::session<ssm::mamba<ssm::cuda>>& session, std::span<const ssm::token_id> ids) {
    session.prefill(ids, 512);  // ssm::in_chunks{512} is meant
}

constexpr auto of_three_dimensions = sizeof(ssm::view<float, 2, 3, 4>);
constexpr auto of_negative_extent = sizeof(ssm::view<float, -2>);
// Extents of another size.
ssm::view<const float, 3, 5> widened(const ssm::view<float, 3, 4>& of) { return of; }
