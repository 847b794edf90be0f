// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/ssm_cuda.cuh>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

/// \file
/// What a GPU can do at best, measured beside the figures that are compared with it.
namespace ssm::tools {

/// Times work on a stream with events.
class cuda_timer {
public:
    explicit cuda_timer(cudaStream_t stream) : stream_(stream) {
        cuda_kernels::check(cudaEventCreate(&begin_), "cudaEventCreate");
        cuda_kernels::check(cudaEventCreate(&end_), "cudaEventCreate");
    }
    cuda_timer(const cuda_timer&) = delete;
    cuda_timer& operator=(const cuda_timer&) = delete;
    ~cuda_timer() {
        (void)cudaEventDestroy(begin_);
        (void)cudaEventDestroy(end_);
    }

    /// Median seconds of `work()`, which enqueues, after one run that does not count.
    template <class Work>
    double median(int repeats, const Work& work) const {
        work();
        std::vector<double> seconds;
        for (int i = 0; i < repeats; ++i) {
            float milliseconds = 0;
            cuda_kernels::check(cudaEventRecord(begin_, stream_), "cudaEventRecord");
            work();
            cuda_kernels::check(cudaEventRecord(end_, stream_), "cudaEventRecord");
            cuda_kernels::check(cudaEventSynchronize(end_), "a benchmark's kernels");
            cuda_kernels::check(cudaEventElapsedTime(&milliseconds, begin_, end_), "cudaEventElapsedTime");
            seconds.push_back(1e-3 * milliseconds);
        }
        std::nth_element(seconds.begin(), seconds.begin() + repeats / 2, seconds.end());
        return seconds[static_cast<std::size_t>(repeats / 2)];
    }

    /// The same for work that is captured `copies` times in one graph; of one copy.
    template <class Work>
    double median_in_graph(int repeats, int copies, const Work& work) const {
        const cuda_graph graph(stream_, [&] {
            for (int i = 0; i < copies; ++i) work(i);
        });
        return median(repeats, [&] { graph.launch(stream_); }) / copies;
    }

private:
    cudaStream_t stream_;
    cudaEvent_t begin_ = nullptr, end_ = nullptr;
};

[[nodiscard]] inline std::string current_gpu_name() {
    int device = 0;
    cudaDeviceProp properties;
    cuda_kernels::check(cudaGetDevice(&device), "cudaGetDevice");
    cuda_kernels::check(cudaGetDeviceProperties(&properties, device), "cudaGetDeviceProperties");
    return properties.name;
}

/// `size` activations between -1 and 1.
template <class Backend>
cuda_buffer<typename Backend::activation> random_activations(const Backend& device, index size) {
    std::mt19937 random(7);
    std::vector<float> values(static_cast<std::size_t>(size));
    for (float& value : values) value = static_cast<float>(random() >> 8) * 0x1p-23F - 1.0F;
    return device.template upload<typename Backend::activation>(values);
}

/// Bytes a second of a copy of so many bytes, read and written ones together.
template <class Backend>
double copy_rate(const Backend& device, const cuda_timer& time, index bytes) {
    auto from = device.template allocate<char>(bytes, "copy"), into = device.template allocate<char>(bytes, "copy");
    return 2.0 * static_cast<double>(bytes) / time.median(10, [&] { into = from; });
}

/// Operations a second of cuBLASLt's product of two square matrices of activations, after `before` that do not count: a device
/// that has been busy for a second may have no power left for the clock it begins with.
template <class Backend>
double product_rate(const Backend& device, const cuda_timer& time, index size, int before = 0) {
    using activation = typename Backend::activation;
    const auto x = random_activations(device, size * size), w = random_activations(device, size * size);
    auto y = device.template allocate<activation>(size * size, "product");
    auto workspace = device.template allocate<char>(index{32} << 20, "workspace");
    cublasLtHandle_t handle = nullptr;
    cuda_kernels::check(cublasLtCreate(&handle), "cublasLtCreate");
    const cuda_kernels::gemm gemm(handle, workspace.data(), workspace.size());
    cuda_kernels::context on;
    cuda_kernels::check(cudaGetDevice(&on.device), "cudaGetDevice");
    on.stream = device.stream();
    const auto view = [&](const activation* data) { return matrix_view<const activation>(data, size, size); };
    const auto multiply = [&] {
        (void)gemm.multiply(on, view(x.data()), view(w.data()), matrix_view<activation>(y.data(), size, size), false);
    };
    for (int i = 0; i < before; ++i) multiply();
    const double seconds = time.median(20, multiply);
    (void)cublasLtDestroy(handle);
    return 2.0 * static_cast<double>(size) * static_cast<double>(size) * static_cast<double>(size) / seconds;
}

}  // namespace ssm::tools
