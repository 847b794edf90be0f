// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/core/view.hpp>

#include <numeric>
#include <type_traits>
#include <vector>

#include "support/catch.hpp"

namespace view_test {

namespace {

using ssm::dyn;
using ssm::view;
using dynamic_matrix = ssm::matrix_view<float>;
using dynamic_vector = ssm::vector_view<float>;

/// 0, 1, 2, ... so that an element tells where it lies.
std::vector<float> counting(int count) {
    std::vector<float> values(static_cast<std::size_t>(count));
    std::iota(values.begin(), values.end(), 0.0F);
    return values;
}

// Constness is gained, never lost; extents agree or are checked at run time.
static_assert(std::is_convertible_v<dynamic_matrix, ssm::matrix_view<const float>>);
static_assert(!std::is_convertible_v<ssm::matrix_view<const float>, dynamic_matrix>);
static_assert(std::is_convertible_v<view<float, 2, 3>, dynamic_matrix>);
static_assert(std::is_convertible_v<dynamic_matrix, view<float, 2, 3>>);
static_assert(std::is_convertible_v<view<float, dyn, 3>, view<const float, 2, dyn>>);
static_assert(!std::is_convertible_v<view<float, 2, 3>, view<float, 3, 2>>);
static_assert(!std::is_convertible_v<dynamic_vector, dynamic_matrix>);
static_assert(!std::is_convertible_v<dynamic_matrix, ssm::matrix_view<double>>);
static_assert(!std::is_convertible_v<float*, dynamic_vector>);
static_assert(!std::is_constructible_v<dynamic_matrix, float*, int>);
static_assert(std::is_trivially_copyable_v<dynamic_matrix>);

}  // namespace

TEST_CASE("A view that nothing was given is empty") {
    const dynamic_matrix m;
    CHECK(m.data() == nullptr);
    CHECK(m.empty());
    CHECK(m.rows() == 0);
    CHECK(m.columns() == 0);
    CHECK(dynamic_vector().empty());
}

TEST_CASE("A matrix is row-major") {
    auto values = counting(6);
    const dynamic_matrix m(values.data(), 2, 3);
    CHECK(m.rows() == 2);
    CHECK(m.columns() == 3);
    CHECK(m.size() == 6);
    CHECK(m.stride() == 3);
    CHECK(m.is_contiguous());
    CHECK(m(0, 2) == 2.0F);
    CHECK(m(1, 0) == 3.0F);
    m(1, 0) = -1.0F;
    CHECK(values[3] == -1.0F);
}

TEST_CASE("Rows may lie further apart than they are long") {
    auto values = counting(12);
    const auto m = dynamic_matrix::with_stride(values.data() + 1, 3, 2, 4);
    CHECK(m(0, 0) == 1.0F);
    CHECK(m(1, 1) == 6.0F);
    CHECK(m(2, 0) == 9.0F);
    CHECK(m.size() == 6);
    CHECK_FALSE(m.is_contiguous());
    CHECK(dynamic_matrix::with_stride(values.data(), 1, 2, 4).is_contiguous());
}

TEST_CASE("Extents fixed in the type need not be stored to be known") {
    auto values = counting(6);
    const view<float, 2, 3> m(values.data(), 2, 3);
    CHECK(m.extent(0) == 2);
    CHECK(m.extent(1) == 3);
    const view<float, dyn, 3> half = m;
    CHECK(half.rows() == 2);
    CHECK(half.columns() == 3);
    const dynamic_matrix back = half;
    CHECK(back(1, 2) == 5.0F);
    STATIC_REQUIRE(std::is_same_v<decltype(m.row(0)), view<float, 3>>);
    STATIC_REQUIRE(std::is_same_v<decltype(back.row(0)), dynamic_vector>);
    STATIC_REQUIRE(std::is_same_v<decltype(m.rows(0, 1)), view<float, dyn, 3>>);
    STATIC_REQUIRE(std::is_same_v<decltype(m.columns(0, 1)), view<float, 2, dyn>>);
}

TEST_CASE("A part of a matrix is a view of the same memory") {
    auto values = counting(20);
    const dynamic_matrix m(values.data(), 4, 5);

    const auto row = m.row(2);
    CHECK(row.size() == 5);
    CHECK(row[4] == 14.0F);

    const auto rows = m.rows(1, 2);
    CHECK(rows.rows() == 2);
    CHECK(rows(1, 4) == 14.0F);
    CHECK(rows.is_contiguous());

    const auto columns = m.columns(3, 2);
    CHECK(columns.columns() == 2);
    CHECK(columns.stride() == 5);
    CHECK(columns(2, 1) == 14.0F);
    CHECK_FALSE(columns.is_contiguous());

    const auto block = columns.rows(2, 2);
    CHECK(block(0, 1) == 14.0F);
    CHECK(block.stride() == 5);
    CHECK(block.row(1)[0] == 18.0F);

    CHECK(m.rows(4, 0).empty());
    CHECK(m.columns(5, 0).empty());
}

TEST_CASE("A strided view keeps its stride when it gains constness") {
    auto values = counting(12);
    const ssm::matrix_view<const float> m = dynamic_matrix::with_stride(values.data(), 3, 2, 4);
    CHECK(m.stride() == 4);
    CHECK(m(2, 1) == 9.0F);
}

}  // namespace view_test
