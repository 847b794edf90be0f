// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/backend/cpu/cpu.hpp>

#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "support/catch.hpp"
#include "support/random_values.hpp"

namespace selective_scan_test {

namespace {

using ssm::instruction_set;

#if defined(__x86_64__)
[[SSM_TARGET_AVX2]] void exp2_avx2(const float* x, float* y) {
    __m256 values[] = {_mm256_loadu_ps(x), _mm256_loadu_ps(x + 8)};
    ssm::cpu_kernels::avx2::exp2(values);
    _mm256_storeu_ps(y, values[0]);
    _mm256_storeu_ps(y + 8, values[1]);
}
[[SSM_TARGET_AVX512]] void exp2_avx512(const float* x, float* y) {
    __m512 values[] = {_mm512_loadu_ps(x)};
    ssm::cpu_kernels::avx512::exp2(values);
    _mm512_storeu_ps(y, values[0]);
}

/// Every 1009th float of a range, in units in the last place of the exact result.
double worst_ulp(void (*exp2)(const float*, float*), float from, float to) {
    double worst = 0;
    std::vector<float> x;
    const auto check = [&] {
        x.resize(16, 0.0F);
        float y[16];
        exp2(x.data(), y);
        for (std::size_t i = 0; i < 16; ++i) {
            const double exact = std::exp2(static_cast<double>(x[i]));
            const double ulp = std::ldexp(1.0, std::ilogb(exact) - 23);
            worst = std::max(worst, std::abs(static_cast<double>(y[i]) - exact) / ulp);
        }
        x.clear();
    };
    for (const float sign : {-1.0F, 1.0F})
        for (std::uint32_t bits = 0; bits < 0x7f80'0000U; bits += 1009) {
            float value;
            std::memcpy(&value, &bits, sizeof value);
            value *= sign;
            if (value < from || value > to) continue;
            x.push_back(value);
            if (x.size() == 16) check();
        }
    check();
    return worst;
}

void check_exp2(void (*exp2)(const float*, float*)) {
    CHECK(worst_ulp(exp2, -126, 127) < 2);
    float x[16] = {0, -1, 10, -200, -1e30F, -INFINITY, 200, INFINITY, NAN, -0.0F};
    float y[16];
    exp2(x, y);
    CHECK((y[0] == 1 && y[1] == 0.5F && y[2] == 1024 && y[9] == 1));
    CHECK((y[3] == 0 && y[4] == 0 && y[5] == 0));
    CHECK((y[6] == INFINITY && y[7] == INFINITY && std::isnan(y[8])));
}
#endif

/// A selective recurrence over `channels` channels, `step` of them at a time and `length` tokens at a time.
std::vector<float> scanned(instruction_set set, ssm::index channels, ssm::index step, ssm::index length) {
    constexpr ssm::index tokens = 20, states = 21;
    const auto random = [](ssm::index count, float low, float high, unsigned seed) {
        return ssm::test::random_values(count, low, high, seed);
    };
    const auto a = random(states * channels, -16, -0.01F, 1), d = random(channels, -1, 1, 2);
    const auto dt = random(tokens * channels, 1e-3F, 0.1F, 3), x = random(tokens * channels, -1, 1, 4);
    const auto b = random(tokens * states, -1, 1, 5), c = random(tokens * states, -1, 1, 6);
    auto h = random(states * channels, -1, 1, 7), y = random(tokens * channels, -1, 1, 8);
    const auto view = [](const std::vector<float>& values, ssm::index rows) {
        return ssm::matrix_view<const float>(values.data(), rows, static_cast<ssm::index>(values.size()) / rows);
    };
    const ssm::selective<float> r{view(a, states),  ssm::vector_view<const float>(d.data(), channels),
                                  view(dt, tokens), view(x, tokens),
                                  view(b, tokens),  view(c, tokens)};
    for (ssm::index t = 0; t < tokens; t += length)
        for (ssm::index ch = 0; ch < channels; ch += step)
            ssm::cpu_kernels::scan_in_order(set, r,
                                            {t, std::min(t + length, tokens), ch, std::min(ch + step, channels)},
                                            ssm::matrix_view<float>(h.data(), states, channels),
                                            ssm::matrix_view<float>(y.data(), tokens, channels));
    y.insert(y.end(), h.begin(), h.end());
    return y;
}

}  // namespace

#if defined(__x86_64__)
TEST_CASE("2^x is within two units in the last place, and ends where floats do") {
    if (ssm::machine_has(instruction_set::avx2)) check_exp2(exp2_avx2);
    if (ssm::machine_has(instruction_set::avx512)) check_exp2(exp2_avx512);
}
#endif

TEST_CASE("A selective scan leaves the same bits however channels and time are cut, with every instruction set") {
    for (const instruction_set set : {instruction_set::plain, instruction_set::avx2, instruction_set::avx512}) {
        if (!ssm::machine_has(set)) continue;
        const std::vector<float> whole = scanned(set, 53, 53, 20);
        for (const ssm::index step : {16, 32, 53})
            for (const ssm::index length : {1, 7, 20}) {
                CAPTURE(name_of(set), step, length);
                CHECK(scanned(set, 53, step, length) == whole);
            }
    }
}

TEST_CASE("The fused scan and the fused norms leave the bits of the operations they are made of") {
    constexpr ssm::index tokens = 70, channels = 53, states = 16, sequences = 2, rows = tokens * sequences;
    const auto random = [](ssm::index count, unsigned seed, float low = -1, float high = 1) {
        return ssm::test::random_values(count, low, high, seed);
    };
    const auto view = [](std::vector<float>& values, ssm::index height) {
        return ssm::matrix_view<float>(values.data(), height, static_cast<ssm::index>(values.size()) / height);
    };
    auto a = random(states * channels, 1, -16, -0.01F), d = random(channels, 2), bias = random(channels, 3);
    auto dt = random(rows * channels, 4, -5, 3), x = random(rows * channels, 5), z = random(rows * channels, 6);
    auto b = random(rows * states, 7), c = random(rows * states, 8), h = random(sequences * states * channels, 9);
    auto y = random(rows * channels, 10);
    const ssm::vector_view<const float> d_view(d.data(), channels), bias_view(bias.data(), channels);
    const ssm::cpu device{{.threads = 2}};

    auto fused_h = h, fused_y = y;
    device.gated_scan(ssm::sequential{},
                      {view(a, states), d_view, view(dt, rows), view(x, rows), view(b, rows), view(c, rows)}, bias_view,
                      view(z, rows), view(fused_h, sequences * states), sequences, view(fused_y, rows));

    for (ssm::index t = 0; t < rows; ++t)
        for (ssm::index ch = 0; ch < channels; ++ch) view(dt, rows)(t, ch) += bias_view[ch];
    device.softplus(view(dt, rows));
    device.scan(
        ssm::sequential{},
        ssm::selective<float>{view(a, states), d_view, view(dt, rows), view(x, rows), view(b, rows), view(c, rows)},
        view(h, sequences * states), sequences, view(y, rows));
    device.gate(view(z, rows), view(y, rows));
    CHECK(fused_y == y);
    CHECK(fused_h == h);

    auto parts = x, separate = x;
    const std::array<ssm::index, 3> sizes{21, 16, 16};
    const std::array<ssm::vector_view<const float>, 3> gains{ssm::vector_view<const float>(bias.data(), 21), {}, {}};
    device.rms_norm_parts(view(parts, rows), sizes, gains, 1e-5F);
    for (ssm::index i = 0, first = 0; i < 3; first += sizes[static_cast<std::size_t>(i++)]) {
        const auto part = view(separate, rows).columns(first, sizes[static_cast<std::size_t>(i)]);
        device.rms_norm(part, gains[static_cast<std::size_t>(i)], 1e-5F, part);
    }
    CHECK(parts == separate);
}

}  // namespace selective_scan_test
