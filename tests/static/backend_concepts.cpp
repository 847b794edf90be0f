// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/backend/capabilities.hpp>
#include <ssm/backend/concepts.hpp>
#include <ssm/backend/cpu/cpu.hpp>

#include <concepts>
#include <memory>
#include <span>
#include <vector>

using ssm::dtype;
using ssm::matrix_view;
using ssm::vector_view;

static_assert(ssm::backend<ssm::cpu>);

// What must not be narrowed enters a backend as a buffer, and no buffer holds quantized blocks; a layer's parameters but
// the four projections are views of float.
template <class Block>
concept can_hold_parameters = requires(const ssm::cpu device, std::span<const float> values) {
    device.upload<Block>(values);
};
static_assert(can_hold_parameters<float>);
static_assert(!can_hold_parameters<ssm::q8_block> && !can_hold_parameters<ssm::q4_block>);
using parameters = ssm::mamba_layer<ssm::cpu>;
static_assert(std::same_as<decltype(parameters::a), matrix_view<const float>>);
static_assert(std::same_as<decltype(parameters::taps), matrix_view<const float>>);
static_assert(std::same_as<decltype(parameters::d), vector_view<const float>>);
static_assert(std::same_as<decltype(parameters::norm_gain), vector_view<const float>>);
static_assert(std::same_as<decltype(parameters::conv_bias), vector_view<const float>>);
static_assert(std::same_as<decltype(parameters::dt_bias), vector_view<const float>>);
static_assert(std::same_as<decltype(parameters::in_bias), vector_view<const float>>);
static_assert(std::same_as<decltype(parameters::out_bias), vector_view<const float>>);

namespace backends {

struct described_matrix {
    dtype type() const;
    ssm::index rows() const;
    ssm::index columns() const;
    ssm::index bytes() const;
    static ssm::index bytes_of(ssm::index rows, ssm::index columns, dtype type);
};

/// The contract as declarations, with narrow activations; each backend below differs from it in one thing.
struct complete {
    using activation = ssm::bf16;
    using matrix = described_matrix;
    template <class T>
    using buffer = std::vector<T>;

    template <class T>
    buffer<T> allocate(ssm::index count, const char* purpose) const;
    template <class T>
    buffer<T> upload(std::span<const float> values) const;
    void write(std::span<const ssm::token_id> ids, vector_view<ssm::token_id> to) const;
    void copy(matrix_view<const float> from, matrix_view<float> to) const;
    void copy(matrix_view<const activation> from, matrix_view<activation> to) const;
    std::vector<float> download(matrix_view<const activation> view) const;
    std::vector<float> download(matrix_view<const float> view) const;
    matrix upload_matrix(const ssm::stored_tensor& tensor, dtype type) const;
    void embed(const matrix& table, vector_view<const ssm::token_id> ids, matrix_view<float> out) const;
    void multiply(matrix_view<const activation> x, const matrix& w, vector_view<const float> bias,
                  matrix_view<activation> y) const;
    void multiply(matrix_view<const activation> x, const matrix& w, vector_view<const float> bias,
                  matrix_view<float> y) const;
    void multiply_add(matrix_view<const activation> x, const matrix& w, vector_view<const float> bias,
                      matrix_view<float> y) const;
    void rms_norm(matrix_view<const float> x, vector_view<const float> gain, float eps,
                  matrix_view<activation> y) const;
    void rms_norm(matrix_view<const activation> x, vector_view<const float> gain, float eps,
                  matrix_view<activation> y) const;
    template <ssm::conv_state_policy ConvState>
    void causal_conv_silu(matrix_view<const activation> x, matrix_view<const float> taps, vector_view<const float> bias,
                          matrix_view<float> window, ssm::index cursor, ssm::index sequences,
                          matrix_view<activation> y) const;
    void softplus(matrix_view<activation> x) const;
    void softplus(matrix_view<float> x, ssm::limits held) const;
    template <ssm::scan_policy Policy, ssm::recurrence R>
    void scan(Policy policy, const R& r, matrix_view<float> h, ssm::index sequences, matrix_view<activation> y) const;
    void gate(matrix_view<const activation> z, matrix_view<activation> y) const;
};

}  // namespace backends

template <class Policy, std::derived_from<backends::complete> Backend>
struct ssm::scan_kernel<Policy, Backend> {};

namespace backends {

static_assert(ssm::backend<complete>);

struct with_double_activations : complete {
    using activation = double;
};
static_assert(!ssm::names_activation<with_double_activations> && !ssm::backend<with_double_activations>);

struct without_allocate : complete {
    template <class T>
    buffer<T> allocate(ssm::index count, const char* purpose) const = delete;
};
static_assert(!ssm::has_memory<without_allocate> && !ssm::backend<without_allocate>);

struct without_download : complete {
    std::vector<float> download(matrix_view<const activation> view) const = delete;
};
static_assert(!ssm::has_memory<without_download> && !ssm::backend<without_download>);

struct without_copy : complete {
    void copy(matrix_view<const float> from, matrix_view<float> to) const = delete;
};
static_assert(!ssm::has_memory<without_copy> && !ssm::backend<without_copy>);

struct with_unique_buffers : complete {
    template <class T>
    using buffer = std::unique_ptr<T[]>;  // not copyable, so a state could not be forked
    template <class T>
    buffer<T> allocate(ssm::index count, const char* purpose) const;
    template <class T>
    buffer<T> upload(std::span<const float> values) const;
};
static_assert(!ssm::has_memory<with_unique_buffers> && !ssm::backend<with_unique_buffers>);

struct silent_on_bytes : described_matrix {
    ssm::index bytes() const = delete;
};
struct with_unmeasured_matrices : complete {
    using matrix = silent_on_bytes;
    matrix upload_matrix(const ssm::stored_tensor& tensor, dtype type) const;
};
static_assert(!ssm::has_matrices<with_unmeasured_matrices> && !ssm::backend<with_unmeasured_matrices>);

struct unplanned_matrix : described_matrix {
    static ssm::index bytes_of(ssm::index rows, ssm::index columns, dtype type) = delete;
};
struct with_unplanned_matrices : complete {
    using matrix = unplanned_matrix;
    matrix upload_matrix(const ssm::stored_tensor& tensor, dtype type) const;
};
static_assert(!ssm::has_matrices<with_unplanned_matrices> && !ssm::backend<with_unplanned_matrices>);

struct without_embed : complete {
    void embed(const matrix& table, vector_view<const ssm::token_id> ids, matrix_view<float> out) const = delete;
};
static_assert(!ssm::can_embed<without_embed> && !ssm::backend<without_embed>);

struct without_multiply_add : complete {
    void multiply_add(matrix_view<const activation> x, const matrix& w, vector_view<const float> bias,
                      matrix_view<float> y) const = delete;
};
static_assert(!ssm::can_multiply<without_multiply_add> && !ssm::backend<without_multiply_add>);

struct multiplying_unless_const : complete {
    void multiply(matrix_view<const activation> x, const matrix& w, vector_view<const float> bias,
                  matrix_view<activation> y);
};
static_assert(!ssm::can_multiply<multiplying_unless_const> && !ssm::backend<multiplying_unless_const>);

struct without_eps : complete {
    void rms_norm(matrix_view<const activation> x, vector_view<const float> gain, matrix_view<activation> y) const;
};
static_assert(!ssm::can_normalise<without_eps> && !ssm::backend<without_eps>);

struct with_shift_window_only : complete {
    template <std::same_as<ssm::shift_window> ConvState>
    void causal_conv_silu(matrix_view<const activation> x, matrix_view<const float> taps, vector_view<const float> bias,
                          matrix_view<float> window, ssm::index cursor, ssm::index sequences,
                          matrix_view<activation> y) const;
};
static_assert(ssm::can_convolve_with<with_shift_window_only, ssm::shift_window>);
static_assert(!ssm::can_convolve_with<with_shift_window_only, ssm::ring_window>);
static_assert(!ssm::can_convolve<with_shift_window_only> && !ssm::backend<with_shift_window_only>);

/// The residual stream would be narrowed.
struct normalising_activations_only : complete {
    void rms_norm(matrix_view<const activation> x, vector_view<const float> gain, float eps,
                  matrix_view<activation> y) const;
};
static_assert(!ssm::can_normalise<normalising_activations_only> && !ssm::backend<normalising_activations_only>);

struct without_softplus : complete {
    void softplus(matrix_view<activation> x) const = delete;
};
static_assert(!ssm::can_soften<without_softplus> && !ssm::backend<without_softplus>);

struct softening_activations_only : complete {
    void softplus(matrix_view<activation> x) const;
};
static_assert(!ssm::can_soften<softening_activations_only> && !ssm::backend<softening_activations_only>);

struct softening_without_limits : complete {
    void softplus(matrix_view<activation> x) const;
    void softplus(matrix_view<float> x) const;
};
static_assert(!ssm::can_soften<softening_without_limits> && !ssm::backend<softening_without_limits>);

struct without_gate : complete {
    void gate(matrix_view<const activation> z, matrix_view<activation> y) const = delete;
};
static_assert(!ssm::can_gate<without_gate> && !ssm::backend<without_gate>);

struct without_chunked : complete {
    template <std::same_as<ssm::sequential> Policy, ssm::recurrence R>
    void scan(Policy policy, const R& r, matrix_view<float> h, ssm::index sequences, matrix_view<activation> y) const;
};
static_assert(ssm::can_scan_with<without_chunked, ssm::sequential>);
static_assert(!ssm::can_scan<without_chunked> && !ssm::backend<without_chunked>);

/// The operation is there, but no kernel.
struct unlisted_policy {
    friend bool operator==(const unlisted_policy&, const unlisted_policy&) = default;
};
static_assert(!ssm::can_scan_with<ssm::cpu, unlisted_policy>);

}  // namespace backends
