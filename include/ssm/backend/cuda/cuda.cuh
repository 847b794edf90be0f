// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/capabilities.hpp>
#include <ssm/backend/concepts.hpp>
#include <ssm/backend/cuda/buffer.cuh>
#include <ssm/backend/cuda/context.cuh>
#include <ssm/backend/cuda/conv.cuh>
#include <ssm/backend/cuda/elementwise.cuh>
#include <ssm/backend/cuda/graph.cuh>
#include <ssm/backend/cuda/mamba_step.cuh>
#include <ssm/backend/cuda/matrix.cuh>
#include <ssm/backend/cuda/memory.cuh>
#include <ssm/backend/cuda/norm.cuh>
#include <ssm/backend/cuda/products.cuh>
#include <ssm/backend/cuda/resources.cuh>
#include <ssm/backend/cuda/sample.cuh>
#include <ssm/backend/cuda/scan.cuh>
#include <ssm/backend/cuda/staging.cuh>
#include <ssm/policy/execution.hpp>

#include <array>
#include <concepts>
#include <span>
#include <utility>
#include <vector>

namespace ssm {

/// The CUDA backend on the device that is current when it is made: activations of one type, weights in f32, bf16 or f16
/// as stored, sums, state, residual stream and logits in float.
///
/// Every operation is enqueued on one stream and returns at once; only `download`, `read`, `synchronize` and the comparison
/// of buffers wait. Nothing is allocated but by `allocate`, `upload` and `upload_matrix`, so what the model enqueues can be
/// captured in a graph. Operations and shapes are those of `backend/concepts.hpp` and `backend/capabilities.hpp`.
///
/// `Execution` is a policy of `policy/execution.hpp`. With `quickest` a product is rounded as suits its number of rows, and
/// a decoded token goes through a layer in four kernels. With `invariant`, as in `basic_cuda<bf16, invariant>`, a token's
/// bits on one kind of GPU are not to depend on what comes with it; docs/numerics.md has the price, and what is yet to be
/// proven.
template <class Activation, class Execution = quickest>
class basic_cuda {
    static_assert(stored_element<Activation>, "ssm: activations are float, ssm::bf16 or ssm::f16");
    static_assert(std::same_as<Execution, quickest> || std::same_as<Execution, invariant>,
                  "ssm: a backend's execution is ssm::quickest or ssm::invariant");

public:
    using activation = Activation;
    using execution = Execution;  // products and steps differ; nothing else here looks at neighbours
    using matrix = cuda_matrix;
    template <class T>
    using buffer = cuda_buffer<T>;

    /// Throws device_error when there is no usable GPU, and memory_error.
    explicit basic_cuda(const cuda_options& options = {})
        : resources_(options, cuda_kernels::products<Execution>::takes_cublas), products_(resources_) {}

    [[nodiscard]] cudaStream_t stream() const noexcept { return on().stream; }
    /// Waits until all that was enqueued has ended. Throws device_error for what went wrong meanwhile.
    void synchronize() const { cuda_kernels::check(cudaStreamSynchronize(stream()), "cudaStreamSynchronize"); }

    template <class T>
    [[nodiscard]] buffer<T> allocate(index count, const char* purpose) const {
        return buffer<T>(on(), count, purpose);
    }
    template <class T>
    [[nodiscard]] buffer<T> upload(std::span<const float> values) const {
        std::vector<T> rounded;
        rounded.reserve(values.size());
        for (const float value : values) rounded.push_back(T(value));
        buffer<T> stored(on(), static_cast<index>(values.size()), "parameters");
        copy_in(rounded.data(), rounded.size() * sizeof(T), stored.data());
        return stored;
    }
    void write(std::span<const token_id> ids, vector_view<token_id> to) const {
        copy_in(ids.data(), ids.size_bytes(), to.data());
    }
    /// Token ids, once all work enqueued before has ended.
    void read(vector_view<const token_id> from, std::span<token_id> to) const {
        if (!to.empty())
            cuda_kernels::check(
                cudaMemcpyAsync(to.data(), from.data(), to.size_bytes(), cudaMemcpyDeviceToHost, stream()),
                "cudaMemcpyAsync");
        synchronize();
    }
    void copy(matrix_view<const float> from, matrix_view<float> to) const { copy_rows(from, to); }
    void copy(matrix_view<const activation> from, matrix_view<activation> to) const
        requires(!std::is_same_v<activation, float>) {
        copy_rows(from, to);
    }
    /// Throws memory_error, device_error; argument_error for a quantized dtype.
    [[nodiscard]] matrix upload_matrix(const stored_tensor& tensor, dtype type) const {
        return matrix(on(), staging_, tensor, type);
    }
    template <class T>
    [[nodiscard]] std::vector<float> download(matrix_view<const T> view) const {
        std::vector<T> values(static_cast<std::size_t>(view.size()));
        const auto row_bytes = static_cast<std::size_t>(view.columns()) * sizeof(T);
        if (!values.empty())
            cuda_kernels::check(
                cudaMemcpy2DAsync(values.data(), row_bytes, view.data(),
                                  static_cast<std::size_t>(view.stride()) * sizeof(T), row_bytes,
                                  static_cast<std::size_t>(view.rows()), cudaMemcpyDeviceToHost, stream()),
                "cudaMemcpy2DAsync");
        synchronize();
        return std::vector<float>(values.begin(), values.end());
    }
    [[nodiscard]] std::vector<float> download(matrix_view<float> view) const {
        return download(matrix_view<const float>(view));
    }

    void embed(const matrix& table, vector_view<const token_id> ids, matrix_view<float> out) const {
        with_storage_type(table.type(),
                          [&]<class W>(type_tag<W>) { cuda_kernels::embed(on(), table.template as<W>(), ids, out); });
    }
    void multiply(matrix_view<const activation> x, const matrix& w, vector_view<const float> bias,
                  matrix_view<activation> y) const {
        products_.multiply(on(), x, w, cuda_kernels::store_epilogue<activation>{y, bias});
    }
    void multiply(matrix_view<const activation> x, const matrix& w, vector_view<const float> bias,
                  matrix_view<float> y) const requires(!std::is_same_v<activation, float>) {
        products_.multiply(on(), x, w, cuda_kernels::store_epilogue<float>{y, bias});
    }
    void multiply_add(matrix_view<const activation> x, const matrix& w, vector_view<const float> bias,
                      matrix_view<float> y) const {
        products_.multiply(on(), x, w, cuda_kernels::add_epilogue{y, bias});
    }
    void rms_norm(matrix_view<const float> x, vector_view<const float> gain, float eps,
                  matrix_view<activation> y) const {
        cuda_kernels::rms_norm(on(), x, gain, eps, y);
    }
    void rms_norm(matrix_view<const activation> x, vector_view<const float> gain, float eps,
                  matrix_view<activation> y) const requires(!std::is_same_v<activation, float>) {
        cuda_kernels::rms_norm(on(), x, gain, eps, y);
    }
    void rms_norm_parts(matrix_view<activation> x, std::array<index, 3> sizes,
                        std::array<vector_view<const float>, 3> gains, float eps) const {
        cuda_kernels::rms_norm_parts(on(), x, sizes, gains, eps);
    }
    template <conv_state_policy ConvState>
    void causal_conv_silu(matrix_view<const activation> x, matrix_view<const float> taps, vector_view<const float> bias,
                          matrix_view<float> window, index cursor, index sequences, matrix_view<activation> y) const {
        const cuda_kernels::conv_task<activation> task{x, taps, bias, window, y, x.rows() / sequences, cursor};
        cuda_kernels::causal_conv_silu<ConvState>(on(), task, sequences);
    }
    void softplus(matrix_view<float> x, const limits& held = {}) const { cuda_kernels::softplus(on(), x, held); }
    void softplus(matrix_view<activation> x) const requires(!std::is_same_v<activation, float>) {
        cuda_kernels::softplus(on(), x, {});
    }
    void gate(matrix_view<const activation> z, matrix_view<activation> y) const { cuda_kernels::gate(on(), z, y); }
    template <class Policy, class R>
    void scan(Policy policy, const R& r, matrix_view<float> h, index sequences, matrix_view<activation> y) const {
        require_recurrence<R>();
        static_assert(scan_policy_on<Policy, basic_cuda>,
                      "ssm: a scan policy is one that the backend has a scan_kernel for: see policy/scan.hpp");
        scan_kernel<Policy, basic_cuda>::run(on(), policy, r, h, sequences, y);
    }
    template <scan_policy_on<basic_cuda> Policy>
    void gated_scan(Policy policy, const selective<float, activation>& r, vector_view<const float> dt_bias,
                    matrix_view<const activation> z, matrix_view<float> h, index sequences,
                    matrix_view<activation> y) const {
        cuda_kernels::gated_scan(on(), policy, r, dt_bias, z, h, sequences, y);
    }
    void gated_scan(sequential policy, const multihead_selective<float, activation>& r, const limits& dt_limits,
                    matrix_view<const activation> z, matrix_view<float> h, index sequences,
                    matrix_view<activation> y) const {
        cuda_kernels::gated_scan(on(), policy, r, dt_limits, z, h, sequences, y);
    }

    static constexpr index step_parts = cuda_kernels::x_proj_parts;
    [[nodiscard]] index most_steps(
        const mamba_layer<basic_cuda>& layer) const requires std::same_as<Execution, quickest> {
        return cuda_kernels::most_steps<activation>(on(), layer);
    }
    template <conv_state_policy ConvState>
    void mamba_step(const mamba_layer<basic_cuda>& layer, matrix_view<float> residual, matrix_view<float> window,
                    index cursor, matrix_view<float> h, matrix_view<activation> u, matrix_view<activation> xz,
                    matrix_view<float> dt_b_c) const requires std::same_as<Execution, quickest> {
        cuda_kernels::mamba_step<ConvState>(on(), layer, residual, window, cursor, h, u, xz, dt_b_c);
    }

    /// Chooses the token after each row of logits (rows, vocab) and writes it to ids (rows); see `cuda_sampler`.
    void sample(matrix_view<const float> logits, cuda_sampler& sampler, vector_view<token_id> ids) const {
        cuda_kernels::sample(on(), logits, sampler, ids);
    }
    /// Whether `cuda_sampler` has all of these options.
    [[nodiscard]] static bool samples_with(const sampling_options& options) { return cuda_sampler::has(options); }
    [[nodiscard]] cuda_sampler make_sampler(const sampling_options& options, index vocab, index rows = 1) const {
        return cuda_sampler(on(), options, vocab, rows);
    }

    /// What `enqueue()` enqueues here, without running it, and the same once more each time.
    template <class Enqueue>
    [[nodiscard]] cuda_graph capture(Enqueue&& enqueue) const {
        return cuda_graph(stream(), std::forward<Enqueue>(enqueue));
    }
    void replay(const cuda_graph& graph) const { graph.launch(stream()); }

private:
    [[nodiscard]] const cuda_kernels::context& on() const noexcept { return resources_.on(); }

    void copy_in(const void* from, std::size_t bytes, void* to) const {
        if (bytes > 0)
            cuda_kernels::check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream()), "cudaMemcpyAsync");
    }

    template <class T>
    void copy_rows(matrix_view<const T> from, matrix_view<T> to) const {
        if (from.empty()) return;
        const auto bytes = [](index elements) { return static_cast<std::size_t>(elements) * sizeof(T); };
        cuda_kernels::check(
            cudaMemcpy2DAsync(to.data(), bytes(to.stride()), from.data(), bytes(from.stride()), bytes(from.columns()),
                              static_cast<std::size_t>(from.rows()), cudaMemcpyDeviceToDevice, stream()),
            "cudaMemcpy2DAsync");
    }

    cuda_kernels::resources resources_;
    cuda_kernels::products<Execution> products_;
    mutable cuda_kernels::staging staging_;
};

/// Float activations: the CPU's precision. This and the next two are the quickest for any number of rows.
using cuda_f32 = basic_cuda<float>;
/// bf16 activations, in which Falcon Mamba was trained and is served: the fastest.
using cuda = basic_cuda<bf16>;
/// f16 activations.
using cuda_f16 = basic_cuda<f16>;

static_assert(backend<cuda> && backend<cuda_f32> && backend<cuda_f16> && backend<basic_cuda<bf16, invariant>>,
              "ssm::cuda owes every operation of backend/concepts.hpp");
static_assert(steps_mamba<cuda, shift_window> && steps_mamba<cuda, ring_window> && steps_mamba<cuda_f32, shift_window>);
// Its kernels round otherwise than a prompt's.
static_assert(!steps_mamba<basic_cuda<bf16, invariant>, shift_window>);
static_assert(normalises_parts<cuda> && normalises_parts<cuda_f32>);
static_assert(fuses_gated_scan<cuda, sequential, selective<float, bf16>, vector_view<const float>> &&
              fuses_gated_scan<cuda_f32, chunked, selective<float>, vector_view<const float>>);
static_assert(fuses_gated_scan<cuda, sequential, multihead_selective<float, bf16>, limits> &&
              fuses_gated_scan<cuda_f32, sequential, multihead_selective<float>, limits>);
static_assert(scan_policy_on<convolution, cuda> && scan_policy_on<convolution, cuda_f32> &&
              scan_policy_on<state_space_dual, cuda> && scan_policy_on<state_space_dual, cuda_f32>);

}  // namespace ssm
