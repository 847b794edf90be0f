// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cuda/buffer.cuh>
#include <ssm/backend/cuda/staging.cuh>
#include <ssm/core/dtype.hpp>
#include <ssm/core/quantized.hpp>
#include <ssm/core/tensor.hpp>
#include <ssm/core/view.hpp>

#include <cstddef>
#include <memory>

namespace ssm {

/// A weight matrix in device memory, in its own dtype. Rows begin at multiples of 16 bytes and end in zeros, so that
/// kernels read every row in whole 16-byte loads. Copies share the memory: weights are const.
class cuda_matrix {
public:
    cuda_matrix() = default;

    /// A copy of `tensor` in `type`, streamed through `staging`. Throws memory_error, device_error; argument_error for a
    /// quantized dtype.
    cuda_matrix(const cuda_kernels::context& on, cuda_kernels::staging& staging, const stored_tensor& tensor,
                dtype type)
        : type_(type), rows_(tensor.shape[0]), columns_(tensor.shape[1]) {
        for (const dtype each : {type, tensor.type}) refuse_quantized(each, "tensor " + tensor.name, remedy);
        stride_ = stride_of(columns_, type);
        memory_ = std::make_shared<cuda_buffer<std::byte>>(on, bytes(), tensor.name.c_str());
        staging.copy_rows(on, tensor, type, memory_->data(), stride_);
    }

    [[nodiscard]] dtype type() const noexcept { return type_; }
    [[nodiscard]] index rows() const noexcept { return rows_; }
    [[nodiscard]] index columns() const noexcept { return columns_; }
    /// Of device memory, padding included.
    [[nodiscard]] index bytes() const noexcept { return bytes_of(rows_, columns_, type_); }
    /// Throws argument_error for a quantized dtype.
    [[nodiscard]] static index bytes_of(index rows, index columns, dtype type) {
        refuse_quantized(type, "matrix", remedy);
        return rows * stride_of(columns, type) * size_of(type);
    }

    /// The rows as stored elements; T must be what `type()` names.
    template <class T>
    [[nodiscard]] matrix_view<const T> as() const {
        return matrix_view<const T>::with_stride(memory_ ? reinterpret_cast<const T*>(memory_->data()) : nullptr, rows_,
                                                 columns_, stride_);
    }

private:
    static constexpr const char* remedy = "quantized weights run on the CPU";

    /// Elements from row to row: whole 16 bytes.
    [[nodiscard]] static constexpr index stride_of(index columns, dtype type) noexcept {
        const index alignment = 16 / size_of(type);
        return (columns + alignment - 1) / alignment * alignment;
    }

    dtype type_ = dtype::f32;
    index rows_ = 0;
    index columns_ = 0;
    index stride_ = 0;  // elements
    std::shared_ptr<cuda_buffer<std::byte>> memory_;
};

}  // namespace ssm
