// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/backend/cpu/matrix.hpp>

#include <cstring>
#include <string>
#include <vector>

#include "support/catch.hpp"

namespace matrix_test {

namespace {

ssm::stored_tensor tensor_at(const std::vector<std::byte>& bytes, std::size_t offset, ssm::dtype type) {
    return {
        "w", type, {2, 3}, std::span(bytes).subspan(offset, static_cast<std::size_t>(6 * ssm::size_of(type))), nullptr};
}

}  // namespace

TEST_CASE("A matrix of the wanted dtype stays where it is") {
    alignas(8) const std::vector<std::byte> bytes(24);
    const ssm::cpu_matrix matrix(tensor_at(bytes, 0, ssm::dtype::f32), ssm::dtype::f32);
    CHECK(static_cast<const void*>(matrix.as<float>().data()) == bytes.data());
    CHECK(matrix.rows() == 2);
    CHECK(matrix.columns() == 3);
    CHECK(matrix.bytes() == 24);
}

TEST_CASE("A matrix of elements is not made of quants, and says so") {
    const std::vector<std::byte> bytes(24);
    CHECK(ssm::cpu_matrix::bytes_of(2, 3, ssm::dtype::f16) == 12);
    for (const ssm::dtype type : {ssm::dtype::q8, ssm::dtype::q4}) {
        const auto says_so =
            Catch::Contains("dtype: found " + std::string(name_of(type)) + ", expected f32, bf16 or f16");
        CHECK_THROWS_WITH(ssm::cpu_matrix(tensor_at(bytes, 0, ssm::dtype::f32), type), says_so);
        CHECK_THROWS_WITH(ssm::cpu_matrix::bytes_of(2, 3, type), says_so);
    }
}

TEST_CASE("A matrix keeps the owner of its bytes alive") {
    auto owner = std::make_shared<std::vector<std::byte>>(24);
    const std::weak_ptr<std::vector<std::byte>> watch = owner;
    ssm::stored_tensor tensor{"w", ssm::dtype::f32, {2, 3}, *owner, owner};
    {
        const ssm::cpu_matrix matrix(tensor, ssm::dtype::f32);
        tensor.owner.reset();
        owner.reset();
        CHECK(!watch.expired());
    }
    CHECK(watch.expired());
}

TEST_CASE("A misaligned or narrower matrix is copied, rounded to nearest") {
    const std::vector<float> values{1.0F, -2.5F, 1.00390625F, 65519.0F, 0.0F, 3e-5F};
    std::vector<std::byte> bytes(25);
    std::memcpy(bytes.data() + 1, values.data(), 24);
    const ssm::stored_tensor misaligned = tensor_at(bytes, 1, ssm::dtype::f32);

    const auto f32 = ssm::cpu_matrix(misaligned, ssm::dtype::f32);
    const auto bf16 = ssm::cpu_matrix(misaligned, ssm::dtype::bf16);
    const auto f16 = ssm::cpu_matrix(misaligned, ssm::dtype::f16);
    CHECK(static_cast<const void*>(f32.as<float>().data()) != bytes.data() + 1);
    for (ssm::index i = 0; i < 6; ++i) {
        const float value = values[static_cast<std::size_t>(i)];
        CHECK(f32.as<float>()(i / 3, i % 3) == value);
        CHECK(bf16.as<ssm::bf16>()(i / 3, i % 3).bits == ssm::bf16(value).bits);
        CHECK(f16.as<ssm::f16>()(i / 3, i % 3).bits == ssm::f16(value).bits);
    }
}

TEST_CASE("Memory that cannot be had is a typed error") {
    CHECK_THROWS_AS(ssm::make_cpu_buffer<float>(ssm::index{1} << 61, "state"), ssm::memory_error);
    CHECK_THROWS_AS(ssm::make_cpu_buffer<float>(ssm::index{1} << 50, "state"), ssm::memory_error);
    CHECK_THROWS_WITH(ssm::make_cpu_buffer<float>(-1, "state"), Catch::Contains("state: found -1 elements"));
}

}  // namespace matrix_test
