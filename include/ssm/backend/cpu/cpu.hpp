// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/capabilities.hpp>
#include <ssm/backend/concepts.hpp>
#include <ssm/backend/cpu/buffer.hpp>
#include <ssm/backend/cpu/conv.hpp>
#include <ssm/backend/cpu/convolution.hpp>
#include <ssm/backend/cpu/cpu_options.hpp>
#include <ssm/backend/cpu/elementwise.hpp>
#include <ssm/backend/cpu/instruction_set.hpp>
#include <ssm/backend/cpu/norm.hpp>
#include <ssm/backend/cpu/panel_products.hpp>
#include <ssm/backend/cpu/scan.hpp>
#include <ssm/backend/cpu/state_space_dual.hpp>
#include <ssm/backend/cpu/thread_pool.hpp>
#include <ssm/core/limits.hpp>
#include <ssm/policy/execution.hpp>

#include <algorithm>
#include <array>
#include <span>
#include <vector>

namespace ssm {

/// The CPU backend: float activations and state.
///
/// `Products` keeps the weight matrices and multiplies with them: `panel_products` packs them, in every dtype; `dot_tiles`
/// and `eigen_gemm` (headers of their own) take f32, bf16 and f16 where the checkpoint has them. All but `eigen_gemm` give a
/// token the same bits whatever comes with it. The operations and their shapes are those of `backend/concepts.hpp`; they
/// may be called from several threads at once.
///
/// What leads to the kernels is never inlined, so that where the class is declared `extern template`, with its instantiation
/// in another translation unit, no kernel is compiled: they are most of what a model costs to compile.
template <class Products>
class basic_cpu {
public:
    using activation = float;
    using execution = typename Products::execution;  // nothing else here looks at neighbours
    using matrix = typename Products::matrix;
    template <class T>
    using buffer = cpu_buffer<T>;

    /// Throws argument_error for a bad number of threads or an instruction set that the machine does not have.
    [[gnu::noinline]] explicit basic_cpu(cpu_options options = {})
        : products_(options), instructions_(validated(options.instructions)), pool_(options.threads) {}

    [[nodiscard]] int threads() const noexcept { return pool_.size(); }

    template <class T>
    [[nodiscard]] buffer<T> allocate(index count, const char* purpose) const {
        return make_cpu_buffer<T>(count, purpose);
    }
    template <stored_element T>
    [[nodiscard]] buffer<T> upload(std::span<const float> values) const {
        buffer<T> stored;
        stored.reserve(values.size());
        for (const float value : values) stored.push_back(T(value));
        return stored;
    }
    void write(std::span<const token_id> ids, vector_view<token_id> to) const {
        std::copy(ids.begin(), ids.end(), to.data());
    }
    void copy(matrix_view<const float> from, matrix_view<float> to) const {
        for (index row = 0; row < from.rows(); ++row)
            std::copy_n(from.data() + row * from.stride(), from.columns(), to.data() + row * to.stride());
    }
    [[nodiscard]] std::vector<float> download(matrix_view<const float> view) const {
        std::vector<float> values;
        values.reserve(static_cast<std::size_t>(view.size()));
        for (index row = 0; row < view.rows(); ++row) {
            const float* const start = view.data() + row * view.stride();
            values.insert(values.end(), start, start + view.columns());
        }
        return values;
    }
    /// Throws memory_error, format_error for a weight that `type` cannot hold, argument_error for a dtype that `Products`
    /// does not take.
    [[nodiscard, gnu::noinline]] matrix upload_matrix(const stored_tensor& tensor, dtype type) const {
        return Products::upload(pool_, tensor, type);
    }

    void embed(const matrix& table, vector_view<const token_id> ids, matrix_view<float> out) const {
        cpu_kernels::embed(pool_, table, ids, out);
    }
    [[gnu::noinline]] void multiply(matrix_view<const float> x, const matrix& w, vector_view<const float> bias,
                                    matrix_view<float> y) const {
        products_.multiply(pool_, x, w, bias, y, false);
    }
    [[gnu::noinline]] void multiply_add(matrix_view<const float> x, const matrix& w, vector_view<const float> bias,
                                        matrix_view<float> y) const {
        products_.multiply(pool_, x, w, bias, y, true);
    }
    void rms_norm(matrix_view<const float> x, vector_view<const float> gain, float eps, matrix_view<float> y) const {
        cpu_kernels::rms_norm(pool_, x, gain, eps, y);
    }
    template <conv_state_policy ConvState>
    void causal_conv_silu(matrix_view<const float> x, matrix_view<const float> taps, vector_view<const float> bias,
                          matrix_view<float> window, index cursor, index sequences, matrix_view<float> y) const {
        const index tokens = x.rows() / sequences;
        const index width = taps.rows() - 1;
        for (index s = 0; s < sequences; ++s)
            cpu_kernels::causal_conv_silu<ConvState>(pool_, x.rows(s * tokens, tokens), taps, bias,
                                                     window.rows(s * width, width), cursor, y.rows(s * tokens, tokens));
    }
    void rms_norm_parts(matrix_view<float> x, const std::array<index, 3>& sizes,
                        const std::array<vector_view<const float>, 3>& gains, float eps) const {
        cpu_kernels::rms_norm_parts(pool_, x, sizes, gains, eps);
    }
    void softplus(matrix_view<float> x, const limits& held = {}) const {
        pool_.for_each_range(x.rows(), 1, x.columns(),
                             [&](index first, index last) { cpu_kernels::soften(x.rows(first, last - first), held); });
    }
    template <class Policy, class R>
    void scan(Policy policy, const R& r, matrix_view<float> h, index sequences, matrix_view<float> y) const {
        require_recurrence<R>();
        static_assert(scan_policy_on<Policy, basic_cpu>,
                      "ssm: a scan policy is one that the backend has a scan_kernel for: see policy/scan.hpp");
        const index tokens = y.rows() / sequences;
        const index states = h.rows() / sequences;
        for (index s = 0; s < sequences; ++s)
            scan_kernel<Policy, basic_cpu>::run(pool_, instructions_, policy, r, s * tokens, tokens,
                                                h.rows(s * states, states), y);
    }
    void gate(matrix_view<const float> z, matrix_view<float> y) const {
        pool_.for_each_range(y.rows(), 1, y.columns(), [&](index first, index last) {
            cpu_kernels::gate(z.rows(first, last - first), y.rows(first, last - first));
        });
    }
    [[gnu::noinline]] void gated_scan(sequential, const selective<float>& r, vector_view<const float> dt_bias,
                                      matrix_view<const float> z, matrix_view<float> h, index sequences,
                                      matrix_view<float> y) const {
        const index tokens = y.rows() / sequences;
        const index states = h.rows() / sequences;
        const index cost = tokens * states * cpu_kernels::operations_of_a_state;
        for (index s = 0; s < sequences; ++s)
            pool_.for_each_range(h.columns(), cpu_kernels::channels_at_once, cost, [&](index first, index last) {
                cpu_kernels::gated_scan(instructions_, r, dt_bias, z, {s * tokens, (s + 1) * tokens, first, last},
                                        h.rows(s * states, states), y);
            });
    }

private:
    Products products_;
    instruction_set instructions_;
    mutable thread_pool pool_;  // its own lock keeps concurrent callers apart
};

/// The CPU backend whose results are bit-identical for every prefill policy and number of threads.
using cpu = basic_cpu<panel_products>;

static_assert(backend<cpu>, "ssm::cpu owes every operation of backend/concepts.hpp");
static_assert(executes_invariantly<cpu>);
static_assert(scan_policy_on<sequential, cpu> && scan_policy_on<chunked, cpu> && scan_policy_on<convolution, cpu> &&
              scan_policy_on<state_space_dual, cpu>);
static_assert(normalises_parts<cpu> && fuses_gated_scan<cpu, sequential, selective<float>, vector_view<const float>>);

}  // namespace ssm
