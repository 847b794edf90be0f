// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/backend/cpu/panel_products.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "support/catch.hpp"
#include "support/random_matrix.hpp"
#include "support/random_values.hpp"

namespace panel_products_test {

namespace {

using ssm::dtype;

using ssm::instruction_set;
using ssm::test::random_matrix;

constexpr dtype dtypes[] = {dtype::f32, dtype::bf16, dtype::f16, dtype::q8, dtype::q4};

/// The sets that this machine has.
std::vector<instruction_set> sets() {
    std::vector<instruction_set> found;
    for (const instruction_set set : {instruction_set::plain, instruction_set::avx2, instruction_set::avx512})
        if (ssm::machine_has(set)) found.push_back(set);
    return found;
}

/// A product of random numbers.
struct example {
    example(ssm::index tokens_, ssm::index depth_, ssm::index outputs_, dtype type)
        : tokens(tokens_),
          depth(depth_),
          outputs(outputs_),
          w(outputs_, depth_, type),
          x(ssm::test::random_values(tokens_ * depth_, -1, 1, 2)),
          bias(ssm::test::random_values(outputs_, -1, 1, 3)) {}

    /// All rows of x w^T + bias, `at_once` tokens at a time.
    std::vector<float> products(const ssm::cpu_options& options, ssm::index at_once) const {
        ssm::thread_pool pool(options.threads);
        const ssm::panel_products product(options);
        const auto matrix = ssm::panel_products::upload(pool, w.tensor, w.tensor.type);
        std::vector<float> y(static_cast<std::size_t>(tokens * outputs));
        for (ssm::index t = 0; t < tokens; t += at_once) {
            const ssm::index count = std::min(at_once, tokens - t);
            product.multiply(pool, ssm::matrix_view<const float>(x.data() + t * depth, count, depth), matrix,
                             ssm::vector_view<const float>(bias.data(), outputs),
                             ssm::matrix_view<float>(y.data() + t * outputs, count, outputs), false);
        }
        return y;
    }

    /// The same by one kernel, whose tiles the tokens and the panels fill.
    std::vector<float> products(const ssm::tile_kernel& kernel, ssm::cpu_kernels::input_form form) const {
        ssm::thread_pool pool(1);
        const auto matrix = ssm::panel_products::upload(pool, w.tensor, w.tensor.type);
        const ssm::cpu_kernels::packed_inputs inputs(pool, ssm::matrix_view<const float>(x.data(), tokens, depth), form,
                                                     w.tensor.type, 0);
        std::vector<float> y(static_cast<std::size_t>(tokens * outputs));
        const ssm::index rows = kernel.panels * ssm::panel::rows;
        for (ssm::index first = 0; first < outputs; first += rows)
            for (ssm::index t = 0; t < tokens; t += kernel.tokens) {
                std::vector<float> sums(static_cast<std::size_t>(kernel.tokens * rows));
                for (ssm::index k = 0; k < inputs.depth(); k += inputs.piece(k))
                    kernel.run({.weights = matrix.weights(first / ssm::panel::rows, k),
                                .weights_stride = matrix.panel_bytes(),
                                .x = inputs.numbers(k, t),
                                .blocks = inputs.blocks(k, t),
                                .depth = inputs.piece(k),
                                .bias = ssm::panel::bias_of(w.tensor.type),
                                .sums = sums.data()});
                for (ssm::index i = 0; i < kernel.tokens; ++i)
                    for (ssm::index o = first; o < std::min(first + rows, outputs); ++o)
                        y[static_cast<std::size_t>((t + i) * outputs + o)] =
                            sums[static_cast<std::size_t>(i * rows + o - first)] + bias[static_cast<std::size_t>(o)];
            }
        return y;
    }

    /// The largest error beyond what rounding may do, over the bound of what it may; at most 1 when all is well.
    double worst(const std::vector<float>& y, bool narrow) const {
        double most = 0;
        for (ssm::index t = 0; t < tokens; ++t) {
            const std::vector<double> moved = steps(t);
            for (ssm::index o = 0; o < outputs; ++o) {
                double sum = static_cast<double>(bias[static_cast<std::size_t>(o)]);
                double bound = 1e-6;
                for (ssm::index k = 0; k < depth; ++k) {
                    const double weight = w.exact[static_cast<std::size_t>(o * depth + k)];
                    const double input = static_cast<double>(x[static_cast<std::size_t>(t * depth + k)]);
                    sum += weight * input;
                    bound += std::abs(weight) *
                             (std::abs(input) * (narrow ? 0x1p-9 + 1e-6 : 1e-6) + moved[static_cast<std::size_t>(k)]);
                }
                const double error = std::abs(sum - static_cast<double>(y[static_cast<std::size_t>(t * outputs + o)]));
                most = std::max(most, error / bound);
            }
        }
        return most;
    }

    ssm::index tokens, depth, outputs;
    random_matrix w;
    std::vector<float> x, bias;

private:
    /// How far each input of a token may move when it is quantized with its block: half a step, of which 127 reach the
    /// largest.
    std::vector<double> steps(ssm::index t) const {
        std::vector<double> found(static_cast<std::size_t>(depth), 0.0);
        if (!is_quantized(w.tensor.type)) return found;
        for (ssm::index first = 0; first < depth; first += ssm::quantized_block) {
            const ssm::index end = std::min(first + ssm::quantized_block, depth);
            float largest = 0;
            for (ssm::index k = first; k < end; ++k)
                largest = std::max(largest, std::abs(x[static_cast<std::size_t>(t * depth + k)]));
            std::fill(found.begin() + first, found.begin() + end, 0.5001 * static_cast<double>(largest) / 127);
        }
        return found;
    }
};

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

}  // namespace

TEST_CASE("Products with packed weights are exact within rounding in every dtype and instruction set") {
    for (const instruction_set set : sets())
        for (const dtype type : dtypes)
            for (const ssm::index depth : {1, 40, 333, 1100})
                for (const ssm::index outputs : {1, 33, 100}) {
                    CAPTURE(name_of(set), name_of(type), depth, outputs);
                    const example e(14, depth, outputs, type);
                    CHECK(e.worst(e.products({.instructions = set}, 14), false) < 1);
                }
}

TEST_CASE("A matrix without columns leaves the bias") {
    for (const instruction_set set : sets())
        for (const dtype type : dtypes)
            for (const ssm::index tokens : {1, 14}) {
                CAPTURE(name_of(set), name_of(type), tokens);
                const example e(tokens, 0, 33, type);
                const std::vector<float> y = e.products({.instructions = set}, tokens);
                for (ssm::index t = 0; t < tokens; ++t)
                    CHECK(std::equal(e.bias.begin(), e.bias.end(), y.begin() + t * e.outputs));
            }
}

TEST_CASE("A token has the same bits in any company and on any thread, in every dtype and instruction set") {
    for (const instruction_set set : sets())
        for (const dtype type : dtypes)
            for (const ssm::index depth : {1, 40, 1100}) {
                const example e(29, depth, 200, type);  // 7 panels: of one token 4 and a remainder
                const std::vector<float> alone = e.products({.threads = 1, .instructions = set}, 1);
                for (const ssm::index at_once : {2, 6, 7, 29})
                    for (const int threads : {1, 2, 3}) {
                        CAPTURE(name_of(set), name_of(type), depth, at_once, threads);
                        CHECK(same_bits(e.products({.threads = threads, .instructions = set}, at_once), alone));
                    }
            }
}

TEST_CASE("A token has the same bits beyond the tokens and the panels that share a pass") {
    for (const dtype type : {dtype::f32, dtype::bf16, dtype::q4}) {
        const example e(261, 150, 300, type);
        const std::vector<float> alone = e.products({}, 1);
        CHECK(same_bits(e.products({}, 261), alone));
        CHECK(same_bits(e.products({.threads = 2}, 261), alone));
    }
}

TEST_CASE("Inputs are narrowed only where it is asked for, to bf16, and the bits do not depend on the company") {
    for (const instruction_set set : sets()) {
        CAPTURE(name_of(set));
        const example e(29, 333, 65, dtype::bf16);
        const ssm::cpu_options narrow{.instructions = set, .narrow_inputs = true};
        const std::vector<float> alone = e.products(narrow, 1);
        CHECK(e.worst(alone, true) < 1);
        for (const ssm::index at_once : {3, 12, 29}) CHECK(same_bits(e.products(narrow, at_once), alone));
        const bool narrows = ssm::kernels_of(set).have_pairs();
        CHECK(same_bits(alone, e.products({.instructions = set}, 1)) == !narrows);
        const example exact(5, 64, 40, dtype::f32);
        CHECK(same_bits(exact.products(narrow, 5), exact.products({.instructions = set}, 5)));
    }
}

#if defined(__x86_64__)
/// That every kernel of a table leaves the bits of the one for one token and one panel, which are near enough.
void check_tiles(const ssm::tile_kernels& kernels, dtype type, ssm::cpu_kernels::input_form form) {
    CAPTURE(name_of(type));
    const example e(24, 601, 120, type);  // an odd depth of several pieces in every form
    const std::vector<float> alone = e.products(ssm::kernel_of_token(kernels, 1), form);
    CHECK(e.worst(alone, form == ssm::cpu_kernels::input_form::bf16) < 1);
    for (const ssm::tile_kernel& kernel : kernels)
        if (kernel.run != nullptr) {
            CAPTURE(kernel.tokens, kernel.panels);
            CHECK(same_bits(e.products(kernel, form), alone));
        }
}

TEST_CASE("Kernels for either maker's machines are exact within rounding, and leave the same bits in any tile") {
    namespace kernels = ssm::cpu_kernels;
    const struct {
        const char* name;
        instruction_set set;
        const ssm::panel_kernels& of;
    } tables[] = {{"AVX2", instruction_set::avx2, kernels::avx2::kernels},
                  {"AVX2, Intel", instruction_set::avx2, kernels::avx2::kernels_of_intel},
                  {"AVX-512", instruction_set::avx512, kernels::avx512::kernels},
                  {"AVX-512, Intel", instruction_set::avx512, kernels::avx512::kernels_of_intel}};
    for (const auto& table : tables) {
        if (!ssm::machine_has(table.set)) continue;
        CAPTURE(table.name);
        for (const dtype type : dtypes)
            check_tiles(table.of.of(type), type,
                        is_quantized(type) ? kernels::input_form::quants : kernels::input_form::f32);
        if (table.of.have_pairs()) check_tiles(table.of.bf16_pairs, dtype::bf16, kernels::input_form::bf16);
    }
}
#endif

TEST_CASE("An input that is no number spoils the products of its token, and no others") {
    for (const dtype type : dtypes)
        for (const float bad : {NAN, INFINITY}) {
            CAPTURE(name_of(type), bad);
            example e(3, 70, 40, type);
            const std::vector<float> good = e.products({}, 3);
            e.x[70 + 37] = bad;
            const std::vector<float> spoilt = e.products({}, 3);
            for (ssm::index i = 0; i < 3 * 40; ++i) {
                const auto at = static_cast<std::size_t>(i);
                if (i / 40 == 1)
                    CHECK(!std::isfinite(spoilt[at]));
                else
                    CHECK(spoilt[at] == good[at]);
            }
        }
}

TEST_CASE("An instruction set that the machine lacks is refused") {
    for (const instruction_set set : {instruction_set::avx2, instruction_set::avx512})
        if (!ssm::machine_has(set))
            CHECK_THROWS_AS(ssm::panel_products(ssm::cpu_options{.instructions = set}), ssm::argument_error);
    CHECK(ssm::machine_has(ssm::best_instruction_set()));
}

}  // namespace panel_products_test
