// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

// What the CUDA backend says where no GPU can be seen, and what each kind of failure becomes.
#include <ssm/ssm_cuda.cuh>

#include <cstdio>
#include <string>

const char* other_unit_finds();

namespace {

int failures = 0;

/// `call` must throw an Error whose text holds `part`.
template <class Error, class Call>
void expect(const char* part, const Call& call) {
    std::string found = "nothing thrown";
    try {
        call();
    } catch (const Error& error) {
        found = error.what();
        if (found.find(part) != std::string::npos) return;
    } catch (const std::exception& error) {
        found = std::string("another type of error: ") + error.what();
    }
    std::fprintf(stderr, "expected '%s', found: %s\n", part, found.c_str());
    ++failures;
}

}  // namespace

int main() {
    using ssm::cuda_kernels::check;
    const auto status = [](cudaError_t value) { return [=] { check(value, "the call"); }; };

    expect<ssm::device_error>("cudaGetDeviceCount", [] { const ssm::cuda device; });
    expect<ssm::device_error>(other_unit_finds(), [] { const ssm::cuda device; });

    check(cudaSuccess, "the call");
    expect<ssm::device_error>("the call", status(cudaErrorLaunchFailure));
    expect<ssm::device_error>("a driver for CUDA 12.3", status(cudaErrorNoDevice));
    expect<ssm::device_error>("a driver for CUDA 12.3", status(cudaErrorInsufficientDriver));
    expect<ssm::device_error>("CMAKE_CUDA_ARCHITECTURES", status(cudaErrorNoKernelImageForDevice));
    expect<ssm::device_error>("CMAKE_CUDA_ARCHITECTURES", status(cudaErrorUnsupportedPtxVersion));
    expect<ssm::device_error>("capture in progress", status(cudaErrorStreamCaptureUnsupported));
    expect<ssm::device_error>("capture in progress", status(cudaErrorStreamCaptureImplicit));
    expect<ssm::device_error>("captured already", status(cudaErrorIllegalState));
    expect<ssm::memory_error>("needs less", status(cudaErrorMemoryAllocation));
    expect<ssm::memory_error>("cublasLtCreate", [] { check(CUBLAS_STATUS_ALLOC_FAILED, "cublasLtCreate"); });
    expect<ssm::device_error>("cublasLtMatmul", [] { check(CUBLAS_STATUS_EXECUTION_FAILED, "cublasLtMatmul"); });

    ssm::cuda_kernels::require_capability(8, 0);
    ssm::cuda_kernels::require_capability(12, 1);
    expect<ssm::device_error>("found 7.5, expected 8.0 or later", [] { ssm::cuda_kernels::require_capability(7, 5); });
    return failures == 0 ? 0 : 1;
}
