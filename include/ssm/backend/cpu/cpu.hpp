// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/concepts.hpp>
#include <ssm/backend/cpu/buffer.hpp>
#include <ssm/backend/cpu/conv.hpp>
#include <ssm/backend/cpu/dot_tiles.hpp>
#include <ssm/backend/cpu/elementwise.hpp>
#include <ssm/backend/cpu/matrix.hpp>
#include <ssm/backend/cpu/norm.hpp>
#include <ssm/backend/cpu/scan.hpp>
#include <ssm/backend/cpu/thread_pool.hpp>
#include <ssm/policy/execution.hpp>

#include <algorithm>
#include <span>
#include <vector>

namespace ssm {

/// What a CPU device is made of.
struct cpu_options {
    int threads = 1;  ///< that share each operation, the calling one included; 1 to 1024
};

/// The CPU backend: float activations and state, weights in f32, bf16 or f16 as stored.
///
/// `Products` computes the products with weight matrices: `dot_tiles` gives a token the same bits whatever comes with it,
/// `eigen_gemm` (a header of its own) does not. The operations and their shapes are those of `backend/concepts.hpp`; they may be called from
/// several threads at once.
template <class Products>
class basic_cpu {
public:
    using activation = float;
    using execution = typename Products::execution;  // nothing else here looks at neighbours
    using matrix = cpu_matrix;
    template <class T>
    using buffer = cpu_buffer<T>;

    /// Throws argument_error for a bad number of threads.
    explicit basic_cpu(cpu_options options = {}) : pool_(options.threads) {}

    [[nodiscard]] int threads() const noexcept { return pool_.size(); }

    template <class T>
    [[nodiscard]] buffer<T> allocate(index count, const char* purpose) const {
        return make_cpu_buffer<T>(count, purpose);
    }
    template <class T>
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
    [[nodiscard]] matrix upload_matrix(const stored_tensor& tensor, dtype type) const { return matrix(tensor, type); }

    void embed(const matrix& table, vector_view<const token_id> ids, matrix_view<float> out) const {
        cpu_kernels::embed(table, ids, out);
    }
    void multiply(matrix_view<const float> x, const matrix& w, vector_view<const float> bias,
                  matrix_view<float> y) const {
        product(x, w, bias, y, false);
    }
    void multiply_add(matrix_view<const float> x, const matrix& w, vector_view<const float> bias,
                      matrix_view<float> y) const {
        product(x, w, bias, y, true);
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
    void softplus(matrix_view<float> x) const { cpu_kernels::softplus(pool_, x); }
    template <class Policy, class R>
    void scan(Policy policy, const R& r, matrix_view<float> h, index sequences, matrix_view<float> y) const {
        static_assert(
            recurrence<R>,
            "ssm: a recurrence is trivially copyable and has scalar, transition(t, ch, n), readout(t, ch, n) and "
            "skip(t, ch): see policy/recurrence.hpp");
        static_assert(scan_policy_on<Policy, basic_cpu>,
                      "ssm: a scan policy is one that the backend has a scan_kernel for: see policy/scan.hpp");
        const index tokens = y.rows() / sequences;
        const index states = h.rows() / sequences;
        for (index s = 0; s < sequences; ++s)
            scan_kernel<Policy, basic_cpu>::run(pool_, policy, r, s * tokens, tokens, h.rows(s * states, states), y);
    }
    void gate(matrix_view<const float> z, matrix_view<float> y) const { cpu_kernels::gate(pool_, z, y); }

private:
    void product(matrix_view<const float> x, const matrix& w, vector_view<const float> bias, matrix_view<float> y,
                 bool accumulate) const {
        with_storage_type(w.type(), [&]<class W>(type_tag<W>) {
            Products::multiply(pool_, x, w.template as<W>(), bias, y, accumulate);
        });
    }

    mutable thread_pool pool_;  // its own lock keeps concurrent callers apart
};

/// The CPU backend whose results are bit-identical for every prefill policy and number of threads.
using cpu = basic_cpu<dot_tiles>;

static_assert(backend<cpu>, "ssm::cpu owes every operation of backend/concepts.hpp");
static_assert(executes_invariantly<cpu>);
static_assert(scan_policy_on<sequential, cpu> && scan_policy_on<chunked, cpu>);

}  // namespace ssm
