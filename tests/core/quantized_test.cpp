// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/core/quantized.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "support/catch.hpp"
#include "support/random_values.hpp"

namespace quantized_test {

namespace {

template <class B>
struct trip {
    bool good;
    float weights[ssm::quantized_block];
};

/// Quantized and back.
template <class B>
trip<B> there_and_back(const float* weights) {
    B block;
    trip<B> result;
    result.good = quantize(weights, block);
    dequantize(block, result.weights);
    return result;
}

float largest(const float* weights) {
    float most = 0;
    for (ssm::index i = 0; i < ssm::quantized_block; ++i) most = std::max(most, std::abs(weights[i]));
    return most;
}

}  // namespace

TEST_CASE("A block of 8 bits keeps weights within half a step of its largest") {
    for (unsigned seed = 0; seed < 200; ++seed) {
        const float size = std::pow(10.0F, static_cast<float>(seed % 10) - 4);
        const auto weights = ssm::test::random_values(ssm::quantized_block, -size, size, seed);
        const auto back = there_and_back<ssm::q8_block>(weights.data());
        REQUIRE(back.good);
        // The scale is rounded to 11 bits, or to 6e-8 where that is coarser.
        const float step = largest(weights.data()) / 127;
        for (std::size_t i = 0; i < weights.size(); ++i)
            CHECK(std::abs(back.weights[i] - weights[i]) <= step * (0.5F + 127 * 0x1p-11F) + 127 * 3e-8F);
    }
}

TEST_CASE("A block of 4 bits errs by less than its first scale would, and by a step at most") {
    for (unsigned seed = 0; seed < 200; ++seed) {
        const auto weights = ssm::test::random_values(ssm::quantized_block, -1, 1, seed);
        const auto back = there_and_back<ssm::q4_block>(weights.data());
        REQUIRE(back.good);
        const float step = largest(weights.data()) / 8;
        double squares = 0;
        for (std::size_t i = 0; i < weights.size(); ++i) {
            CHECK(std::abs(back.weights[i] - weights[i]) <= 1.2F * step);
            squares += std::pow(static_cast<double>(back.weights[i] - weights[i]), 2.0);
        }
        CHECK(std::sqrt(squares / 32) < 0.45 * static_cast<double>(step));  // 0.29 by rounding, and 7 is the end
    }
}

TEST_CASE("Weights that are multiples of a scale are kept exactly") {
    float weights[ssm::quantized_block];
    for (int i = 0; i < 32; ++i) weights[i] = 0.25F * static_cast<float>(i % 16 - 8);
    const auto back = there_and_back<ssm::q4_block>(weights);
    CHECK(std::equal(weights, weights + 32, back.weights));
    for (int i = 0; i < 32; ++i) weights[i] = 0.25F * static_cast<float>(8 * i - 127 + (i > 30));
    weights[0] = -127 * 0.25F;
    const auto fine = there_and_back<ssm::q8_block>(weights);
    CHECK(std::equal(weights, weights + 32, fine.weights));
}

TEST_CASE("A block of zeros stays one") {
    const float zeros[ssm::quantized_block] = {};
    for (const float weight : there_and_back<ssm::q8_block>(zeros).weights) CHECK(weight == 0);
    for (const float weight : there_and_back<ssm::q4_block>(zeros).weights) CHECK(weight == 0);
}

TEST_CASE("What a block cannot hold is said") {
    for (const float bad : {NAN, INFINITY, -INFINITY, 1e7F}) {
        float weights[ssm::quantized_block] = {1};
        weights[31] = bad;
        CHECK(!there_and_back<ssm::q8_block>(weights).good);
        CHECK(!there_and_back<ssm::q4_block>(weights).good);
    }
}

TEST_CASE("A row is a whole number of blocks") {
    STATIC_REQUIRE(ssm::row_bytes(ssm::dtype::q8, 64) == 68);
    STATIC_REQUIRE(ssm::row_bytes(ssm::dtype::q8, 65) == 102);
    STATIC_REQUIRE(ssm::row_bytes(ssm::dtype::q4, 1) == 18);
    STATIC_REQUIRE(ssm::row_bytes(ssm::dtype::bf16, 3) == 6);
    STATIC_REQUIRE(ssm::row_bytes(ssm::dtype::q8, 0) == 0);
}

}  // namespace quantized_test
