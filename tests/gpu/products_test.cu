// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

// Products whose depth several blocks share, which only long rows and few outputs have, and operations that give a token the
// same bits whatever comes with it.
#include <ssm/ssm_cuda.cuh>

#include <algorithm>
#include <type_traits>
#include <vector>

#include "conformance/backend_conformance.hpp"

namespace products_test {

namespace {

template <class Activation>
using invariant_cuda = ssm::basic_cuda<Activation, ssm::invariant>;

/// Rows at a time in which each row of a product is computed alone and in groups of every size that kernels differ by.
constexpr ssm::index groups[] = {1, 2, 8, 9, 17, 33, 64, 65, 150};

/// The rows of a product, computed `group` at a time.
template <class Backend>
std::vector<float> multiplied(const Backend& device, ssm::test::narrow<Backend>& x, const ssm::cuda_matrix& w,
                              ssm::vector_view<const float> bias, ssm::index group) {
    const ssm::index rows = x.view().rows();
    ssm::test::operand<Backend> sum(device, rows, w.rows(), -1, 1, 3);
    ssm::test::narrow<Backend> y(device, rows, w.rows());
    for (ssm::index first = 0; first < rows; first += group) {
        const ssm::index count = std::min(group, rows - first);
        device.multiply(x.view().rows(first, count), w, bias, y.view().rows(first, count));
        device.multiply_add(x.view().rows(first, count), w, {}, sum.view().rows(first, count));
    }
    auto values = device.download(ssm::const_activations<Backend>(y.view()));
    const auto sums = device.download(ssm::matrix_view<const float>(sum.view()));
    values.insert(values.end(), sums.begin(), sums.end());
    return values;
}

/// h and y after a scan of `tokens` tokens from a state that is not zero, in calls of `step` tokens.
template <class Backend, class R>
std::vector<float> scanned(const Backend& device, ssm::index tokens, ssm::index channels, ssm::index states,
                           ssm::index step, const R& part) {
    ssm::test::operand<Backend> h(device, states, channels, -1, 1, 8);
    ssm::test::narrow<Backend> y(device, tokens, channels), z(device, tokens, channels, -1, 1, 9);
    for (ssm::index first = 0; first < tokens; first += step) {
        const ssm::index count = std::min(step, tokens - first);
        part(first, count, h.view(), z.view().rows(first, count), y.view().rows(first, count));
    }
    auto values = device.download(ssm::const_activations<Backend>(y.view()));
    const auto left = device.download(ssm::matrix_view<const float>(h.view()));
    values.insert(values.end(), left.begin(), left.end());
    return values;
}

}  // namespace

TEMPLATE_TEST_CASE("An invariant product has the same bits in any company", "", invariant_cuda<ssm::bf16>,
                   invariant_cuda<ssm::f16>, invariant_cuda<float>) {
    const TestType device;
    struct row {
        ssm::index outputs, depth;
    };
    // Of one stage, and of several; depth shared by warps, by blocks and by nobody; a type of its own, and one beside it; odd
    // strides.
    for (const auto& [outputs, depth] :
         {row{24, 64}, row{1000, 2056}, row{520, 8200}, row{4200, 1032}, row{14000, 264}, row{29, 63}})
        for (const ssm::dtype type : {ssm::dtype_of<typename TestType::activation>, ssm::dtype::f32}) {
            CAPTURE(outputs, depth, ssm::name_of(type));
            const auto w = device.upload_matrix(ssm::test::random_matrix(outputs, depth, type).tensor, type);
            ssm::test::narrow<TestType> x(device, 150, depth, -1, 1, 2);
            ssm::test::operand<TestType> bias(device, 1, outputs, -1, 1, 4);
            const auto expected = multiplied(device, x, w, bias.vector(), 150);
            for (const ssm::index group : groups) {
                CAPTURE(group);
                CHECK((multiplied(device, x, w, bias.vector(), group) == expected));  // not to print 300,000 numbers
            }
        }
}

// In every mode: only products tell it.
TEMPLATE_TEST_CASE("Scans and convolutions have the same bits wherever they are cut", "", ssm::cuda, ssm::cuda_f16,
                   ssm::cuda_f32) {
    const TestType device;
    constexpr ssm::index tokens = 75, channels = 40;
    for (const ssm::index states : {1, 5, 16, 23, 64, 67}) {
        ssm::test::random_selective<TestType> random(device, tokens, channels, states);
        ssm::test::operand<TestType> bias(device, 1, channels, -1, 1, 7);
        const auto r = random.on_device();
        const auto tuned = [&](ssm::index first, ssm::index count, auto h, auto z, auto y) {
            const auto part = [&](auto view) { return view.rows(first, count); };
            device.gated_scan(ssm::sequential{}, {r.a, r.d, part(r.dt), part(r.x), part(r.b), part(r.c)}, bias.vector(),
                              ssm::const_activations<TestType>(z), h, 1, y);
        };
        const auto any = [&](ssm::index first, ssm::index count, auto h, auto, auto y) {
            const auto part = [&](auto view) { return view.rows(first, count); };
            using recurrence = ssm::test::elementwise<std::decay_t<decltype(r)>>;
            device.scan(ssm::sequential{}, recurrence{{r.a, r.d, part(r.dt), part(r.x), part(r.b), part(r.c)}}, h, 1,
                        y);
        };
        const auto expected = scanned(device, tokens, channels, states, tokens, tuned);
        const auto expected_of_any = scanned(device, tokens, channels, states, tokens, any);
        for (const ssm::index step : {1, 2, 4, 5, 33}) {
            CAPTURE(states, step);
            CHECK((scanned(device, tokens, channels, states, step, tuned) == expected));
            CHECK((scanned(device, tokens, channels, states, step, any) == expected_of_any));
        }
    }
    // Of heads: the states of each number of registers, and more than those take.
    constexpr ssm::index heads = 4, groups_of_heads = 2;
    constexpr ssm::limits dt_limits{0.01F, 0.2F};
    for (const ssm::index states : {5, 16, 64, 128, 200, 260}) {
        ssm::test::random_multihead<TestType> random(device, tokens, heads, channels / heads, groups_of_heads, states);
        random.dt = ssm::test::operand<TestType>(device, tokens, heads, -6, -1, 3);  // softplus of some is outside
        const auto of_heads = [&](ssm::index first, ssm::index count, auto h, auto z, auto y) {
            auto r = random.on_device();
            r.dt = r.dt.rows(first, count), r.x = r.x.rows(first, count);
            r.b = r.b.rows(first, count), r.c = r.c.rows(first, count);
            device.gated_scan(ssm::sequential{}, r, dt_limits, ssm::const_activations<TestType>(z), h, 1, y);
        };
        const auto expected = scanned(device, tokens, channels, states, tokens, of_heads);
        for (const ssm::index step : {1, 5, 16, 33}) {
            CAPTURE(states, step);
            CHECK((scanned(device, tokens, channels, states, step, of_heads) == expected));
        }
    }
    for (const ssm::index taps : {2, 4, 6}) {
        ssm::test::narrow<TestType> x(device, tokens, channels, -4, 4, 2);
        ssm::test::operand<TestType> tap(device, taps, channels, -1, 1, 3), bias(device, 1, channels, -1, 1, 4);
        const auto convolved = [&](ssm::index step) {
            const auto run = [&](ssm::index first, ssm::index count, auto window, auto, auto y) {
                device.template causal_conv_silu<ssm::shift_window>(
                    ssm::const_activations<TestType>(x.view().rows(first, count)), tap.view(), bias.vector(), window, 0,
                    1, y);
            };
            return scanned(device, tokens, channels, taps - 1, step, run);
        };
        const auto expected = convolved(tokens);
        for (const ssm::index step : {1, 2, 15, 16, 17}) {
            CAPTURE(taps, step);
            CHECK(convolved(step) == expected);
        }
    }
}

TEMPLATE_TEST_CASE("A few long rows give what each gives in double", "", ssm::cuda, ssm::cuda_f16,
                   invariant_cuda<ssm::bf16>) {
    const TestType device;
    constexpr ssm::dtype type = ssm::dtype_of<typename TestType::activation>;
    for (const ssm::index outputs : {1024, 1000})
        for (const ssm::index depth : {4096, 8184})
            for (const ssm::index rows : {1, 2, 9, 32, 64}) {
                CAPTURE(outputs, depth, rows);
                ssm::test::random_matrix w(outputs, depth, type);
                const auto stored = device.upload_matrix(w.tensor, type);
                ssm::test::narrow<TestType> x(device, rows, depth, -1, 1, 2);
                ssm::test::operand<TestType> sum(device, rows, outputs, -1, 1, 3);
                const auto before = sum.exact_values();
                device.multiply_add(x.view(), stored, {}, sum.view());
                const auto found = device.download(ssm::matrix_view<const float>(sum.view()));
                double worst = 0;
                for (ssm::index row = 0; row < rows; ++row)
                    for (ssm::index o = row % 7; o < outputs; o += 7) {
                        const auto at = static_cast<std::size_t>(row * outputs + o);
                        double expected = before[at];
                        for (ssm::index k = 0; k < depth; ++k)
                            expected += x.exact()(row, k) * w.exact[static_cast<std::size_t>(o * depth + k)];
                        worst = std::max(worst, std::abs(expected - static_cast<double>(found[at])));
                    }
                // Sums reach some 120, and tensor cores cut off instead of rounding: up to 1.4e-5 in each of the 500 steps of
                // the longer rows, of which less than a tenth shows. A part of the depth left out would show as 10.
                CHECK(worst < 1e-3);
            }
}

}  // namespace products_test
