// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/backend/cpu/panel_matrix.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/random_matrix.hpp"

namespace panel_matrix_test {

namespace {

using ssm::dtype;

using ssm::test::random_matrix;

constexpr dtype dtypes[] = {dtype::f32, dtype::bf16, dtype::f16, dtype::q8, dtype::q4};

/// All numbers of a matrix, row by row.
std::vector<double> numbers_of(const ssm::panel_matrix& matrix) {
    std::vector<float> row(static_cast<std::size_t>(matrix.columns()));
    std::vector<double> all;
    for (ssm::index r = 0; r < matrix.rows(); ++r) {
        matrix.read_row(r, row.data());
        all.insert(all.end(), row.begin(), row.end());
    }
    return all;
}

}  // namespace

TEST_CASE("Packing keeps every number of a matrix in its own dtype") {
    ssm::thread_pool pool(2);
    for (const dtype type : dtypes)
        for (const ssm::index rows : {1, 32, 70})
            for (const ssm::index columns : {1, 31, 64, 301}) {
                CAPTURE(name_of(type), rows, columns);
                const random_matrix w(rows, columns, type);
                const ssm::panel_matrix packed(pool, w.tensor, type);
                CHECK(packed.type() == type);
                CHECK(numbers_of(packed) == w.exact);
                CHECK(packed.bytes() >= rows * ssm::row_bytes(type, columns));
                CHECK(packed.bytes() == ssm::panel_matrix::bytes_of(rows, columns, type));
            }
}

TEST_CASE("Packing to another dtype rounds as that dtype does") {
    ssm::thread_pool pool(1);
    for (const dtype from : dtypes) {
        const random_matrix w(40, 100, from);
        for (const dtype to : dtypes) {
            CAPTURE(name_of(from), name_of(to));
            const std::vector<double> packed = numbers_of(ssm::panel_matrix(pool, w.tensor, to));
            for (std::size_t i = 0; i < packed.size(); ++i) {
                const auto value = static_cast<float>(w.exact[i]);
                if (to == dtype::f32) CHECK(packed[i] == w.exact[i]);
                if (to == dtype::bf16) CHECK(packed[i] == static_cast<double>(static_cast<float>(ssm::bf16(value))));
                if (to == dtype::f16) CHECK(packed[i] == static_cast<double>(static_cast<float>(ssm::f16(value))));
                // Weights reach 1; half a step of 127, or of 8 and a little for the scale that is moved.
                if (to == dtype::q8) CHECK(std::abs(packed[i] - w.exact[i]) < 0.51 / 127);
                if (to == dtype::q4) CHECK(std::abs(packed[i] - w.exact[i]) < 1.3 / 8);
            }
        }
    }
}

TEST_CASE("A weight that cannot be quantized is refused by name") {
    ssm::thread_pool pool(1);
    for (const float bad : {NAN, INFINITY, 1e7F})
        for (const dtype type : {dtype::q8, dtype::q4}) {
            std::vector<float> values(40 * 33, 0.5F);
            values[35 * 33 + 32] = bad;
            const ssm::stored_tensor tensor{"w", dtype::f32, {40, 33}, std::as_bytes(std::span(values)), nullptr};
            CHECK_THROWS_AS(ssm::panel_matrix(pool, tensor, type), ssm::format_error);
            CHECK_THROWS_WITH(ssm::panel_matrix(pool, tensor, type),
                              Catch::Contains("w: row 35: found a weight that is not finite"));
            CHECK_NOTHROW(ssm::panel_matrix(pool, tensor, dtype::f32));
        }
}

TEST_CASE("A stored quant that q8 does not have is refused by name") {
    ssm::thread_pool pool(1);
    random_matrix w(3, 64, dtype::q8);
    CHECK_NOTHROW(ssm::panel_matrix(pool, w.tensor, dtype::q8));
    w.bytes[w.bytes.size() - 1] = std::byte{0x80};
    CHECK_THROWS_WITH(ssm::panel_matrix(pool, w.tensor, dtype::q8),
                      Catch::Contains("row 2: found a scale that is not finite, or a quant of -128 in q8"));
}

TEST_CASE("A file's pages are let go of once, from the first row to the last") {
    static const std::byte* next = nullptr;
    random_matrix w(5000, 8, dtype::f32);
    next = w.bytes.data();
    w.tensor.let_go = [](std::span<const std::byte> part) noexcept {
        if (part.data() == next) next += part.size();
    };
    ssm::thread_pool pool(2);
    const ssm::panel_matrix packed(pool, w.tensor, dtype::bf16);
    CHECK(next == w.bytes.data() + w.bytes.size());
}

}  // namespace panel_matrix_test
