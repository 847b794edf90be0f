// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cuda/context.cuh>
#include <ssm/core/view.hpp>

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>

namespace ssm::cuda_kernels {

template <class T>
inline constexpr cudaDataType_t cuda_type = std::is_same_v<T, bf16>  ? CUDA_R_16BF
                                            : std::is_same_v<T, f16> ? CUDA_R_16F
                                                                     : CUDA_R_32F;

/// Matrix products by cuBLASLt, bf16 and f16 on the tensor cores and f32 on the ordinary ones, never in TF32; summed in float.
/// The algorithm for a shape is chosen once and kept.
class gemm {
public:
    /// `handle` is borrowed; `workspace` is device memory for one product at a time.
    gemm(cublasLtHandle_t handle, void* workspace, std::size_t workspace_bytes)
        : handle_(handle), workspace_(workspace), workspace_bytes_(workspace_bytes) {}

    /// y = x w^T (+ y); x (tokens, depth), w (outputs, depth), y (tokens, outputs). False when cuBLASLt has no algorithm
    /// for this shape and alignment, and nothing was done.
    template <class T, class Y>
    [[nodiscard]] bool multiply(const context& on, matrix_view<const T> x, matrix_view<const T> w, matrix_view<Y> y,
                                bool accumulate) const {
        on.require_current();
        const key shape{x.rows(),
                        w.rows(),
                        x.columns(),
                        x.stride(),
                        w.stride(),
                        y.stride(),
                        alignment_of(x.data()),
                        alignment_of(w.data()),
                        alignment_of(y.data()),
                        index{cuda_type<T>},
                        index{cuda_type<Y>},
                        index{accumulate}};
        const plan* const chosen = plan_for(shape);
        if (chosen == nullptr) return false;
        const float one = 1;
        const float beta = accumulate ? 1 : 0;
        check(
            cublasLtMatmul(handle_, chosen->operation, &one, w.data(), chosen->w, x.data(), chosen->x, &beta, y.data(),
                           chosen->y, y.data(), chosen->y, &chosen->algorithm, workspace_, workspace_bytes_, on.stream),
            "cublasLtMatmul");
        return true;
    }

private:
    // tokens, outputs, depth, strides, alignments, types, accumulate
    using key = std::array<index, 12>;

    /// cuBLAS counts columns first: y^T (outputs, tokens) = w (transposed) times x^T.
    struct plan {
        explicit plan(const key& k) {
            const auto input = static_cast<cudaDataType_t>(k[9]);
            const auto output = static_cast<cudaDataType_t>(k[10]);
            check(cublasLtMatmulDescCreate(&operation, CUBLAS_COMPUTE_32F, CUDA_R_32F), "cublasLtMatmulDescCreate");
            const cublasOperation_t transposed = CUBLAS_OP_T;
            check(
                cublasLtMatmulDescSetAttribute(operation, CUBLASLT_MATMUL_DESC_TRANSA, &transposed, sizeof transposed),
                "cublasLtMatmulDescSetAttribute");
            const auto create = [](cublasLtMatrixLayout_t& layout, cudaDataType_t type, index rows, index columns,
                                   index stride) {
                check(cublasLtMatrixLayoutCreate(&layout, type, static_cast<std::uint64_t>(rows),
                                                 static_cast<std::uint64_t>(columns), stride),
                      "cublasLtMatrixLayoutCreate");
            };
            create(w, input, k[2], k[1], k[4]);
            create(x, input, k[2], k[0], k[3]);
            create(y, output, k[1], k[0], k[5]);
        }
        plan(const plan&) = delete;
        plan& operator=(const plan&) = delete;
        ~plan() {
            for (const cublasLtMatrixLayout_t layout : {w, x, y})
                if (layout != nullptr) (void)cublasLtMatrixLayoutDestroy(layout);
            if (operation != nullptr) (void)cublasLtMatmulDescDestroy(operation);
        }

        cublasLtMatmulDesc_t operation = nullptr;
        cublasLtMatrixLayout_t w = nullptr, x = nullptr, y = nullptr;
        cublasLtMatmulAlgo_t algorithm = {};
        bool found = false;
    };

    [[nodiscard]] const plan* plan_for(const key& shape) const {
        const std::lock_guard lock(mutex_);
        const auto [at, is_new] = plans_.try_emplace(shape, shape);
        if (is_new) choose(at->second, shape);
        return at->second.found ? &at->second : nullptr;
    }

    void choose(plan& p, const key& shape) const {
        cublasLtMatmulPreference_t preference = nullptr;
        check(cublasLtMatmulPreferenceCreate(&preference), "cublasLtMatmulPreferenceCreate");
        const auto set = [&](cublasLtMatmulPreferenceAttributes_t attribute, auto value) {
            return cublasLtMatmulPreferenceSetAttribute(preference, attribute, &value, sizeof value);
        };
        cublasLtMatmulHeuristicResult_t result = {};
        int found = 0;
        cublasStatus_t status = set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, workspace_bytes_);
        const auto align = [&](cublasLtMatmulPreferenceAttributes_t attribute, index bytes) {
            if (status == CUBLAS_STATUS_SUCCESS) status = set(attribute, static_cast<std::uint32_t>(bytes));
        };
        align(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, shape[7]);
        align(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, shape[6]);
        align(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, shape[8]);
        align(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, shape[8]);
        if (status == CUBLAS_STATUS_SUCCESS)
            status = cublasLtMatmulAlgoGetHeuristic(handle_, p.operation, p.w, p.x, p.y, p.y, preference, 1, &result,
                                                    &found);
        (void)cublasLtMatmulPreferenceDestroy(preference);
        if (status == CUBLAS_STATUS_NOT_SUPPORTED) return;
        check(status, "cublasLtMatmulAlgoGetHeuristic");
        p.found = found > 0;
        p.algorithm = result.algo;
    }

    static index alignment_of(const void* pointer) {
        const auto address = reinterpret_cast<std::uintptr_t>(pointer);
        index alignment = 256;
        while (address % static_cast<std::uintptr_t>(alignment) != 0) alignment /= 2;
        return alignment;
    }

    cublasLtHandle_t handle_;
    void* workspace_;
    std::size_t workspace_bytes_;
    mutable std::mutex mutex_;
    mutable std::map<key, plan> plans_;
};

}  // namespace ssm::cuda_kernels
