// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cpu/cpu_options.hpp>
#include <ssm/backend/cpu/dot_tiles.hpp>
#include <ssm/backend/cpu/matrix.hpp>
#include <ssm/backend/cpu/thread_pool.hpp>
#include <ssm/core/tensor.hpp>
#include <ssm/core/view.hpp>
#include <ssm/policy/execution.hpp>

#include <Eigen/Core>

#include <algorithm>
#include <type_traits>

namespace ssm {

/// Products by Eigen's matrix product for prompts, and by `dot_tiles` for single tokens. Eigen chooses its blocking by the
/// shape, so a token's bits may depend on how the prompt is cut: prefill policies agree within rounding only.
struct eigen_gemm {
    using execution = quickest;
    using matrix = cpu_matrix;

    explicit eigen_gemm(const cpu_options&) {}

    [[nodiscard]] static matrix upload(thread_pool&, const stored_tensor& tensor, dtype type) {
        return matrix(tensor, type);
    }

    /// For a matrix of any dtype.
    static void multiply(thread_pool& pool, matrix_view<const float> x, const matrix& w, vector_view<const float> bias,
                         matrix_view<float> y, bool accumulate) {
        with_storage_type(w.type(), [&]<class W>(type_tag<W>) { multiply(pool, x, w.as<W>(), bias, y, accumulate); });
    }

    /// y = x w^T + bias, or y += x w^T + bias when `accumulate`; shapes as in `dot_tiles::multiply`.
    template <class W>
    static void multiply(thread_pool& pool, matrix_view<const float> x, matrix_view<const W> w,
                         vector_view<const float> bias, matrix_view<float> y, bool accumulate) {
        if (x.rows() < shortest_prompt) return dot_tiles::multiply(pool, x, w, bias, y, accumulate);
        pool.for_each_range(w.rows(), outputs_at_once, x.size(), [&](index first, index last) {
            for (index o = first; o < last; o += outputs_at_once)
                multiply_outputs(x, w, bias, y, accumulate, o, std::min(outputs_at_once, last - o));
        });
    }

private:
    static constexpr index shortest_prompt = 4;    // below it a matrix product costs more than it saves
    static constexpr index outputs_at_once = 128;  // bounds the widened copy of narrow weights

    using row_major = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    using strided = Eigen::OuterStride<>;

    template <class W>
    static void multiply_outputs(matrix_view<const float> x, matrix_view<const W> w, vector_view<const float> bias,
                                 matrix_view<float> y, bool accumulate, index first, index count) {
        const Eigen::Map<const row_major, 0, strided> inputs(x.data(), x.rows(), x.columns(), strided(x.stride()));
        Eigen::Map<row_major, 0, strided> outputs(y.data() + first, y.rows(), count, strided(y.stride()));
        if (!accumulate) outputs.setZero();
        if constexpr (std::is_same_v<W, float>) {
            const Eigen::Map<const row_major, 0, strided> rows(w.data() + first * w.stride(), count, w.columns(),
                                                               strided(w.stride()));
            outputs.noalias() += inputs * rows.transpose();
        } else {
            row_major rows(count, w.columns());
            for (index i = 0; i < count; ++i)
                for (index k = 0; k < w.columns(); ++k) rows(i, k) = w(first + i, k);
            outputs.noalias() += inputs * rows.transpose();
        }
        if (!bias.empty()) outputs.rowwise() += Eigen::Map<const Eigen::RowVectorXf>(bias.data() + first, count);
    }
};

}  // namespace ssm
