// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/error.hpp>

#include <cublasLt.h>
#include <cuda_runtime_api.h>

namespace ssm::cuda_kernels {

/// Throws device_error when a call failed, memory_error when it ran out of memory; `what` names the call or kernel.
inline void check(cudaError_t status, const char* what) {
    if (status == cudaSuccess) return;
    (void)cudaGetLastError();  // what can be cleared is cleared, so that the next call is judged by itself
    const char* const found = cudaGetErrorString(status);
    if (status == cudaErrorMemoryAllocation)
        throw memory_error({"cuda", what, found, {}, "a smaller prefill chunk, model or dtype needs less"});
    const char* remedy = "";
    if (status == cudaErrorInsufficientDriver || status == cudaErrorNoDevice)
        remedy = "a CUDA device of compute capability 8.0 or later and a driver for CUDA 12.3 or later are needed";
    if (status == cudaErrorNoKernelImageForDevice || status == cudaErrorInvalidDeviceFunction)
        remedy = "compile for this GPU's architecture (CMAKE_CUDA_ARCHITECTURES)";
    if (status == cudaErrorUnsupportedPtxVersion)
        remedy = "compile for this GPU's architecture (CMAKE_CUDA_ARCHITECTURES), or install a newer driver";
    if (status >= cudaErrorStreamCaptureUnsupported && status <= cudaErrorStreamCaptureWrongThread)
        remedy = "a capture in progress allows neither waiting for its stream nor taking memory";
    if (status == cudaErrorIllegalState) remedy = "is the stream being captured already?";
    throw device_error({"cuda", what, found, {}, remedy});
}

inline void check(cublasStatus_t status, const char* what) {
    if (status == CUBLAS_STATUS_SUCCESS) return;
    if (status == CUBLAS_STATUS_ALLOC_FAILED)
        throw memory_error({"cublasLt", what, cublasLtGetStatusString(status), {}, {}});
    throw device_error({"cublasLt", what, cublasLtGetStatusString(status), {}, {}});
}

}  // namespace ssm::cuda_kernels
