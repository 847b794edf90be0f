// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cuda/context.cuh>
#include <ssm/backend/cuda/elementwise.cuh>
#include <ssm/backend/cuda/few_rows_product.cuh>
#include <ssm/backend/cuda/gemm.cuh>
#include <ssm/backend/cuda/matrix.cuh>
#include <ssm/backend/cuda/matvec.cuh>
#include <ssm/backend/cuda/ordered_product.cuh>
#include <ssm/backend/cuda/resources.cuh>
#include <ssm/core/view.hpp>
#include <ssm/policy/execution.hpp>

#include <algorithm>
#include <type_traits>

namespace ssm::cuda_kernels {

/// How a device object multiplies x (tokens, depth) with weights (outputs, depth). The epilogue, `store_epilogue` or
/// `add_epilogue`, has the result and the bias.
template <class Execution>
class products;

/// On the ordinary cores: any types and alignment.
template <class X, class W, class Epilogue>
void multiply_in_order(const context& on, matrix_view<const X> x, matrix_view<const W> w, const Epilogue& epilogue) {
    ordered_product(on, x, w, epilogue.y, Epilogue::adds);
    if (!epilogue.bias.empty()) add_bias(on, epilogue.bias, epilogue.y);
}

/// By the kernel that is quickest for the number of rows.
template <>
class products<quickest> {
public:
    static constexpr bool takes_cublas = true;
    explicit products(const resources& means) : gemm_(means.cublas(), means.workspace(), means.workspace_bytes()) {}

    template <class X, class Epilogue>
    void multiply(const context& on, matrix_view<const X> x, const cuda_matrix& w, const Epilogue& epilogue) const {
        with_storage_type(w.type(), [&]<class W>(type_tag<W>) {
            const matrix_view<const W> weights = w.template as<W>();
            if (x.rows() == 1 && matvec_shared_bytes(w.columns(), sizeof(W)) <= on.shared_bytes)
                return one_row(on, x, weights, epilogue);
            if constexpr (std::is_same_v<W, X>) {
                if constexpr (sizeof(W) == 2)
                    if (x.rows() <= most_few_rows(on) && lies_in_packs(x))
                        return few_rows_product(on, "few_rows_product", weights, x, epilogue);
                if (gemm_.multiply(on, x, weights, epilogue.y, Epilogue::adds)) {
                    if (!epilogue.bias.empty()) add_bias(on, epilogue.bias, epilogue.y);
                    return;
                }
            }
            multiply_in_order(on, x, weights, epilogue);
        });
    }

private:
    template <class X, class W, class Epilogue>
    static void one_row(const context& on, matrix_view<const X> x, matrix_view<const W> w, const Epilogue& epilogue) {
        if (is_short(on, w.rows())) return matvec_across_depth(on, "matvec_across_depth", w, x, epilogue);
        matvec(on, "matvec", w, plain_source_of(x), epilogue);
    }

    gemm gemm_;
};

/// By one kernel and one order of every sum, whatever the number of rows. Which kernel, types and strides decide: in the
/// scratch of a model, every matrix begins aligned.
template <>
class products<invariant> {
public:
    static constexpr bool takes_cublas = false;
    explicit products(const resources&) {}

    template <class X, class Epilogue>
    void multiply(const context& on, matrix_view<const X> x, const cuda_matrix& w, const Epilogue& epilogue) const {
        with_storage_type(w.type(), [&]<class W>(type_tag<W>) {
            const matrix_view<const W> weights = w.template as<W>();
            if constexpr (std::is_same_v<W, X> && sizeof(W) == 2)
                if (lies_in_packs(x)) return multiply_groups(on, x, weights, epilogue);
            multiply_in_order(on, x, weights, epilogue);
        });
    }

private:
    /// As many rows at a time as the kernel takes.
    template <class T, class Epilogue>
    static void multiply_groups(const context& on, matrix_view<const T> x, matrix_view<const T> w,
                                const Epilogue& epilogue) {
        const index most = most_few_rows(on);
        for (index first = 0; first < x.rows(); first += most) {
            const index rows = std::min(most, x.rows() - first);
            few_rows_product<invariant>(on, "few_rows_product", w, x.rows(first, rows),
                                        Epilogue{epilogue.y.rows(first, rows), epilogue.bias});
        }
    }
};

}  // namespace ssm::cuda_kernels
