// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/math/causal_conv.hpp>

#include <vector>

#include "support/catch.hpp"
#include "support/random_values.hpp"

namespace causal_conv_test {

using ssm::matrix_view;
using ssm::vector_view;
using ssm::math::causal_conv;

TEST_CASE("causal_conv by hand: the last tap multiplies the current token") {
    std::vector<double> x{1, 2, 3, 4}, taps{1, 10, 100}, bias{0.5}, window{0, 0}, y(4);
    causal_conv(matrix_view<double>(x.data(), 4, 1), matrix_view<double>(taps.data(), 3, 1),
                vector_view<double>(bias.data(), 1), matrix_view<double>(window.data(), 2, 1),
                matrix_view<double>(y.data(), 4, 1));
    CHECK(y == std::vector<double>{100.5, 210.5, 321.5, 432.5});
    CHECK(window == std::vector<double>{3, 4});

    SECTION("and the window carries on") {
        x = {5};
        causal_conv(matrix_view<double>(x.data(), 1, 1), matrix_view<double>(taps.data(), 3, 1), {},
                    matrix_view<double>(window.data(), 2, 1), matrix_view<double>(y.data(), 1, 1));
        CHECK(y[0] == 543);
        CHECK(window == std::vector<double>{4, 5});
    }
}

TEST_CASE("Each channel has its own taps and its own past") {
    std::vector<double> x{1, 2}, taps{10, 1000, 1, 1}, window{3, 4}, y(2);
    causal_conv(matrix_view<double>(x.data(), 1, 2), matrix_view<double>(taps.data(), 2, 2), {},
                matrix_view<double>(window.data(), 1, 2), matrix_view<double>(y.data(), 1, 2));
    CHECK(y == std::vector<double>{31, 4002});
    CHECK(window == std::vector<double>{1, 2});
}

TEST_CASE("One tap needs no window") {
    std::vector<float> x{1, 2, 3}, taps{2}, y(3);
    causal_conv(matrix_view<float>(x.data(), 3, 1), matrix_view<float>(taps.data(), 1, 1), {}, {},
                matrix_view<float>(y.data(), 3, 1));
    CHECK(y == std::vector<float>{2, 4, 6});
}

TEST_CASE("A sequence cut anywhere gives the same values and the same window") {
    constexpr ssm::index tokens = 13, channels = 3;
    for (const ssm::index width : {0, 1, 2, 3, 7})
        for (ssm::index cut = 0; cut <= tokens; ++cut) {
            CAPTURE(width, cut);
            const auto x = ssm::test::random_values(tokens * channels);
            const auto taps = ssm::test::random_values((width + 1) * channels, -1, 1, 2);
            const auto past = ssm::test::random_values(width * channels, -1, 1, 3);
            const matrix_view<const float> all(x.data(), tokens, channels);
            const matrix_view<const float> weights(taps.data(), width + 1, channels);

            auto whole_window = past, cut_window = past;
            std::vector<float> whole(x.size()), pieces(x.size());
            causal_conv(all, weights, {}, matrix_view<float>(whole_window.data(), width, channels),
                        matrix_view<float>(whole.data(), tokens, channels));
            const matrix_view<float> y(pieces.data(), tokens, channels);
            const matrix_view<float> window(cut_window.data(), width, channels);
            causal_conv(all.rows(0, cut), weights, {}, window, y.rows(0, cut));
            causal_conv(all.rows(cut, tokens - cut), weights, {}, window, y.rows(cut, tokens - cut));
            CHECK(pieces == whole);
            CHECK(cut_window == whole_window);
        }
}

}  // namespace causal_conv_test
