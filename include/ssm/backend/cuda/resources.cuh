// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cuda/context.cuh>
#include <ssm/backend/cuda/memory.cuh>
#include <ssm/core/error.hpp>

#include <cublasLt.h>

#include <memory>
#include <new>
#include <optional>
#include <string>
#include <type_traits>

namespace ssm {

/// What a CUDA device object works with. What is given is borrowed and must outlive it; what is not, it makes itself.
struct cuda_options {
    std::optional<cudaStream_t> stream = std::nullopt;  ///< that everything is enqueued on
    cublasLtHandle_t cublas = nullptr;                  ///< for the products of prompts, unless these are `invariant`
    std::pmr::memory_resource* memory = nullptr;        ///< device memory; `cuda_heap` when not given
    index workspace_bytes = index{32} << 20;            ///< of device memory for cuBLASLt
};

namespace cuda_kernels {

/// Tells what the kernels were compiled for, when it is looked at.
template <class = void>
__global__ void probe_kernel() {}

/// Throws device_error for a GPU before Ampere.
inline void require_capability(int major, int minor) {
    if (major >= 8) return;
    throw device_error({"cuda", "compute capability", std::to_string(major) + "." + std::to_string(minor),
                        "8.0 or later", "another GPU is needed; cudaSetDevice chooses among several"});
}

/// The properties of the current device that operations go by; no stream and no memory. Throws device_error when the
/// device or the driver cannot run this library.
inline context describe_current_device() {
    context on;
    int count = 0;
    check(cudaGetDeviceCount(&count), "cudaGetDeviceCount");
    check(cudaGetDevice(&on.device), "cudaGetDevice");
    const auto attribute = [&](cudaDeviceAttr which) {
        int value = 0;
        check(cudaDeviceGetAttribute(&value, which, on.device), "cudaDeviceGetAttribute");
        return value;
    };
    require_capability(attribute(cudaDevAttrComputeCapabilityMajor), attribute(cudaDevAttrComputeCapabilityMinor));
    on.multiprocessors = attribute(cudaDevAttrMultiProcessorCount);
    on.shared_bytes = attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin);
    cudaFuncAttributes compiled = {};
    check(cudaFuncGetAttributes(&compiled, probe_kernel<>), "the kernels compiled for this device");
    on.overlaps_kernels = compiled.ptxVersion >= 90;
    return on;
}

/// A device object's stream, handle and workspace, owned or borrowed.
class resources {
public:
    /// Throws device_error when the current device cannot run this library, memory_error.
    resources(const cuda_options& options, bool with_cublas) {
        on_ = describe_current_device();
        on_.memory = options.memory != nullptr ? options.memory : &heap_;
        if (options.stream) {
            on_.stream = *options.stream;
        } else {
            cudaStream_t made = nullptr;
            check(cudaStreamCreateWithFlags(&made, cudaStreamNonBlocking), "cudaStreamCreate");
            stream_.reset(made);
            on_.stream = made;
        }
        if (!with_cublas) return;
        cublas_ = options.cublas;
        if (cublas_ == nullptr) {
            check(cublasLtCreate(&cublas_), "cublasLtCreate");
            owned_cublas_.reset(cublas_);
        }
        workspace_ = memory(on_.memory, static_cast<std::size_t>(options.workspace_bytes));
    }
    resources(const resources&) = delete;
    resources& operator=(const resources&) = delete;

    [[nodiscard]] const context& on() const noexcept { return on_; }
    [[nodiscard]] cublasLtHandle_t cublas() const noexcept { return cublas_; }
    [[nodiscard]] void* workspace() const noexcept { return workspace_.get(); }
    [[nodiscard]] std::size_t workspace_bytes() const noexcept { return workspace_.get_deleter().bytes; }

private:
    struct return_memory {
        std::pmr::memory_resource* to = nullptr;
        std::size_t bytes = 0;
        void operator()(void* block) const { to->deallocate(block, bytes, 256); }
    };
    using owned_memory = std::unique_ptr<void, return_memory>;

    static owned_memory memory(std::pmr::memory_resource* from, std::size_t bytes) {
        try {
            return owned_memory(bytes > 0 ? from->allocate(bytes, 256) : nullptr, {from, bytes});
        } catch (const std::bad_alloc&) {
            throw memory_error(
                {"cuda_options", "workspace_bytes", std::to_string(bytes) + " bytes", {}, "out of device memory"});
        }
    }

    struct destroy_stream {
        void operator()(cudaStream_t stream) const { (void)cudaStreamDestroy(stream); }
    };
    struct destroy_cublas {
        void operator()(cublasLtHandle_t handle) const { (void)cublasLtDestroy(handle); }
    };

    cuda_heap heap_;
    context on_;
    std::unique_ptr<std::remove_pointer_t<cudaStream_t>, destroy_stream> stream_;
    std::unique_ptr<std::remove_pointer_t<cublasLtHandle_t>, destroy_cublas> owned_cublas_;
    cublasLtHandle_t cublas_ = nullptr;
    owned_memory workspace_{nullptr, {}};
};

}  // namespace cuda_kernels
}  // namespace ssm
