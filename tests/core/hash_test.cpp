// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/core/hash.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "support/catch.hpp"

namespace hash_test {

namespace {

std::uint64_t hash(const std::string& text) {
    ssm::fnv1a sum;
    sum.update(std::as_bytes(std::span(text)));
    return sum.value();
}

}  // namespace

TEST_CASE("FNV-1a gives its authors' values") {
    CHECK(hash("") == 0xcbf29ce484222325U);
    CHECK(hash("a") == 0xaf63dc4c8601ec8cU);
    CHECK(hash("foobar") == 0x85944171f73967e8U);
}

TEST_CASE("A number is hashed as its bytes, the lowest first, and a hash can be gone on with") {
    ssm::fnv1a sum;
    sum.update<4>(0x6f'6f'66U | 0x62U << 24);
    ssm::fnv1a rest(sum.value());
    rest.update<2>(0x7261U);
    CHECK(rest.value() == hash("foobar"));
    ssm::fnv1a eight;
    eight.update(0x0807060504030201U);
    CHECK(eight.value() == hash("\1\2\3\4\5\6\7\10"));
}

}  // namespace hash_test
