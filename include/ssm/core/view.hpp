// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/config.hpp>
#include <ssm/core/dtype.hpp>

#include <array>
#include <cassert>
#include <type_traits>

namespace ssm {

/// An extent known only at run time.
inline constexpr index dyn = -1;

/// Whether two extents may be the same, as far as their types know.
template <index A, index B>
concept extents_agree = A == B || A == dyn || B == dyn;

/// A non-owning window on a tensor whose last dimension is contiguous.
///
/// Every extent is either fixed in the type or `dyn`. Rows of a matrix may be further apart than they are long, so that
/// a range of columns is a view as well. Constness is that of T, as with `std::span`. Indices are checked by
/// `assert` only: shapes are checked where they enter the library.
template <class T, index... Extents>
class view {
    // A function, not an array: device code may not refer to a static array of the host.
    SSM_HD static constexpr index fixed(int dimension) noexcept {
        index found = dyn;
        int d = 0;
        ((d++ == dimension ? void(found = Extents) : void()), ...);
        return found;
    }

public:
    using element_type = T;
    static constexpr int rank = sizeof...(Extents);
    static_assert(rank == 1 || rank == 2, "ssm::view: a tensor seen by an operation has one or two dimensions");
    static_assert(((Extents == dyn || Extents >= 0) && ...), "ssm::view: an extent is ssm::dyn or not negative");

    view() = default;

    /// A contiguous tensor at `data`; `extents` must agree with those fixed in the type.
    template <class... Index>
        requires(sizeof...(Index) == rank && (std::is_convertible_v<Index, index> && ...))
    SSM_HD constexpr explicit view(T* data, Index... extents) noexcept
        : data_(data), extents_{static_cast<index>(extents)...} {
        stride_ = extents_[rank - 1];
        assert(agrees());
    }

    /// A matrix whose rows start `stride` elements apart.
    SSM_HD static constexpr view with_stride(T* data, index rows, index columns, index stride) noexcept
        requires(rank == 2) {
        view result(data, rows, columns);
        result.stride_ = stride;
        return result;
    }

    /// From a view with fewer promises about its extents, or of non-const elements.
    template <class U, index... Others>
        requires(std::is_convertible_v<U (*)[], T (*)[]> && sizeof...(Others) == rank &&
                 (extents_agree<Extents, Others> && ...))
    SSM_HD constexpr view(const view<U, Others...>& other) noexcept : data_(other.data()), stride_(other.stride()) {
        for (int d = 0; d < rank; ++d) extents_[d] = other.extent(d);
        assert(agrees());
    }

    [[nodiscard]] SSM_HD constexpr T* data() const noexcept { return data_; }
    [[nodiscard]] SSM_HD constexpr index extent(int dimension) const noexcept {
        return fixed(dimension) == dyn ? extents_[dimension] : fixed(dimension);
    }
    [[nodiscard]] SSM_HD constexpr index stride() const noexcept { return stride_; }
    [[nodiscard]] SSM_HD constexpr bool empty() const noexcept { return size() == 0; }
    [[nodiscard]] SSM_HD constexpr index size() const noexcept {
        index product = 1;
        for (int d = 0; d < rank; ++d) product *= extent(d);
        return product;
    }
    [[nodiscard]] SSM_HD constexpr bool is_contiguous() const noexcept {
        return rank == 1 || stride_ == extent(rank - 1) || extent(0) <= 1;
    }

    [[nodiscard]] SSM_HD constexpr index rows() const noexcept requires(rank == 2) { return extent(0); }
    [[nodiscard]] SSM_HD constexpr index columns() const noexcept requires(rank == 2) { return extent(1); }

    SSM_HD constexpr T& operator[](index i) const noexcept requires(rank == 1) {
        assert(i >= 0 && i < extent(0));
        return data_[i];
    }
    SSM_HD constexpr T& operator()(index row, index column) const noexcept requires(rank == 2) {
        assert(row >= 0 && row < extent(0) && column >= 0 && column < extent(1));
        return data_[row * stride_ + column];
    }

    [[nodiscard]] SSM_HD constexpr auto row(index r) const noexcept requires(rank == 2) {
        assert(r >= 0 && r < extent(0));
        return view<T, fixed(rank - 1)>(data_ + r * stride_, extent(1));
    }
    /// Rows [first, first + count).
    [[nodiscard]] SSM_HD constexpr auto rows(index first, index count) const noexcept requires(rank == 2) {
        assert(first >= 0 && count >= 0 && first + count <= extent(0));
        return view<T, dyn, fixed(rank - 1)>::with_stride(data_ + first * stride_, count, extent(1), stride_);
    }
    /// Columns [first, first + count).
    [[nodiscard]] SSM_HD constexpr auto columns(index first, index count) const noexcept requires(rank == 2) {
        assert(first >= 0 && count >= 0 && first + count <= extent(1));
        return view<T, fixed(0), dyn>::with_stride(data_ + first, extent(0), count, stride_);
    }

private:
    SSM_HD constexpr bool agrees() const noexcept {
        for (int d = 0; d < rank; ++d)
            if (fixed(d) != dyn && fixed(d) != extents_[d]) return false;
        return true;
    }

    T* data_ = nullptr;
    index extents_[sizeof...(Extents)] = {};
    index stride_ = 0;
};

/// One dimension, extent known at run time.
template <class T>
using vector_view = view<T, dyn>;

/// Two dimensions (rows, columns), row-major, extents known at run time.
template <class T>
using matrix_view = view<T, dyn, dyn>;

}  // namespace ssm
