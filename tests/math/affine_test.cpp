// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/math/affine.hpp>

#include <cstdint>
#include <random>
#include <type_traits>
#include <vector>

#include "support/catch.hpp"

namespace affine_test {

// Unsigned integers are a ring without rounding, so the laws hold, or fail, exactly.
using map = ssm::affine<std::uint32_t>;

static_assert(std::is_trivially_copyable_v<ssm::affine<float>>);
static_assert(std::is_aggregate_v<ssm::affine<float>>);

namespace {

std::vector<map> random_maps(int count) {
    std::mt19937 generator(3);
    std::vector<map> maps;
    for (int i = 0; i < count; ++i) {
        const auto a = static_cast<std::uint32_t>(generator());
        maps.push_back({a, static_cast<std::uint32_t>(generator())});
    }
    return maps;
}

/// Composes [first, last) by halves: a grouping as a parallel scan would choose it.
map composed_by_halves(const std::vector<map>& maps, std::size_t first, std::size_t last) {
    if (last - first == 1) return maps[first];
    const std::size_t middle = first + (last - first) / 2;
    return then(composed_by_halves(maps, first, middle), composed_by_halves(maps, middle, last));
}

}  // namespace

TEST_CASE("An affine map by hand") {
    constexpr ssm::affine<double> twice_plus_one{2, 1};
    constexpr ssm::affine<double> half_minus_three{0.5, -3};
    STATIC_REQUIRE(twice_plus_one(5) == 11);
    STATIC_REQUIRE(then(twice_plus_one, half_minus_three) == ssm::affine<double>{1, -2.5});
    STATIC_REQUIRE(then(half_minus_three, twice_plus_one) == ssm::affine<double>{1, -5});
}

TEST_CASE("Affine maps are a monoid under composition") {
    const auto maps = random_maps(1000);
    for (std::size_t i = 2; i < maps.size(); ++i) {
        const map &f = maps[i - 2], &g = maps[i - 1], &h = maps[i];
        CHECK(then(then(f, g), h) == then(f, then(g, h)));
        CHECK(then(map::identity(), f) == f);
        CHECK(then(f, map::identity()) == f);
    }
}

TEST_CASE("Applying a composition is applying one map after the other") {
    const auto maps = random_maps(1000);
    for (std::size_t i = 1; i < maps.size(); ++i) {
        const std::uint32_t h = maps[i].a ^ maps[i - 1].b;
        CHECK(then(maps[i - 1], maps[i])(h) == maps[i](maps[i - 1](h)));
        CHECK(map::identity()(h) == h);
    }
}

TEST_CASE("Any grouping of a sequence of maps is the same map") {
    for (const int length : {1, 2, 3, 64, 257}) {
        CAPTURE(length);
        const auto maps = random_maps(length);
        auto in_order = map::identity();
        for (const map& step : maps) in_order = then(in_order, step);
        CHECK(composed_by_halves(maps, 0, maps.size()) == in_order);
    }
}

}  // namespace affine_test
