// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cpu/buffer.hpp>
#include <ssm/core/dtype.hpp>
#include <ssm/core/quantized.hpp>
#include <ssm/core/tensor.hpp>
#include <ssm/core/view.hpp>

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

namespace ssm {

/// A weight matrix (rows, columns), row-major, in the dtype it is kept in. Shares its memory: either a checkpoint's own
/// bytes or a converted copy.
class cpu_matrix {
public:
    cpu_matrix() = default;

    /// Keeps `tensor` where it is when its dtype is `type` and its bytes are aligned for it; copies, rounding to
    /// nearest, otherwise. `tensor` has two dimensions. Throws memory_error; argument_error for a quantized dtype.
    cpu_matrix(const stored_tensor& tensor, dtype type)
        : type_(type), rows_(tensor.shape[0]), columns_(tensor.shape[1]) {
        for (const dtype each : {type, tensor.type}) refuse_quantized(each, "tensor " + tensor.name, remedy);
        const auto address = reinterpret_cast<std::uintptr_t>(tensor.bytes.data());
        if (tensor.type == type && address % static_cast<std::uintptr_t>(size_of(type)) == 0) {
            data_ = tensor.bytes.data();
            owner_ = tensor.owner;
            return;
        }
        with_storage_type(type, [&]<class T>(type_tag<T>) {
            auto copy = std::make_shared<cpu_buffer<T>>(make_cpu_buffer<T>(rows_ * columns_, tensor.name.c_str()));
            convert(tensor, *copy);
            data_ = copy->data();
            owner_ = std::move(copy);
        });
    }

    [[nodiscard]] dtype type() const noexcept { return type_; }
    [[nodiscard]] index rows() const noexcept { return rows_; }
    [[nodiscard]] index columns() const noexcept { return columns_; }
    [[nodiscard]] index bytes() const noexcept { return bytes_of(rows_, columns_, type_); }
    /// Throws argument_error for a quantized dtype.
    [[nodiscard]] static index bytes_of(index rows, index columns, dtype type) {
        refuse_quantized(type, "matrix", remedy);
        return rows * columns * size_of(type);
    }

    /// The elements, T being the storage type that `type()` names.
    template <class T>
    [[nodiscard]] matrix_view<const T> as() const noexcept {
        assert(dtype_of<T> == type_);
        return matrix_view<const T>(static_cast<const T*>(data_), rows_, columns_);
    }

    /// A row, widened; `to` has room for `columns()` floats.
    void read_row(index row, float* to) const noexcept {
        with_storage_type(type_, [&]<class T>(type_tag<T>) {
            for (index i = 0; i < columns_; ++i) to[i] = static_cast<float>(as<T>()(row, i));
        });
    }

private:
    static constexpr const char* remedy = "quantized weights are for ssm::cpu, which packs them";

    template <class T>
    static void convert(const stored_tensor& tensor, cpu_buffer<T>& copy) {
        with_storage_type(tensor.type, [&]<class From>(type_tag<From>) {
            for (std::size_t i = 0; i < copy.size(); ++i) {
                From element;
                std::memcpy(&element, tensor.bytes.data() + i * sizeof(From), sizeof(From));
                copy[i] = T(static_cast<float>(element));
            }
        });
    }

    dtype type_ = dtype::f32;
    index rows_ = 0;
    index columns_ = 0;
    const void* data_ = nullptr;
    std::shared_ptr<const void> owner_;
};

}  // namespace ssm
