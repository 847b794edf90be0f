// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

#include <ssm/io/json.hpp>

#include <string>
#include <vector>

#include "io/sample_files.hpp"
#include "support/catch.hpp"

namespace json_test {

using namespace ssm::test;
using ssm::parse_json;

TEST_CASE("JSON is parsed strictly") {
    CHECK(parse_json(R"({"a": [1, {"a": "é"}], "b": {"a": 2}})", "f")["b"]["a"] == 2);
    CHECK_NOTHROW(parse_json(std::string(64, '[') + std::string(64, ']'), "f"));

    struct row {
        std::string text;
        std::vector<std::string> says;
    };
    const std::vector<row> rows = {
        {"", {"f: JSON"}},
        {"{\"a\":1,}", {"f: JSON"}},
        {"{} x", {"f: JSON"}},
        {"// note\n{}", {"f: JSON"}},
        {"NaN", {"f: JSON"}},
        {"1e999", {"f: JSON"}},
        {std::string("{}\0x", 4), {"f: JSON: found a NUL byte"}},
        {"\"\xff\"", {"f: JSON", "UTF-8"}},
        {R"({"a":1,"a":1})", {"f: key \"a\": found given twice", "once"}},
        {R"({"a":1,"\u0061":1})", {"f: key \"a\"", "twice"}},
        {R"([{"b":{"a":1,"c":{},"a":[]}}])", {"f: key \"a\"", "twice"}},
        {std::string(66, '[') + std::string(66, ']'), {"f: JSON: found nested deeper than 64", "at most 64"}},
        {std::string(1'000'000, '['), {"deeper than 64"}},
    };
    for (const row& r : rows) {
        INFO(r.text.substr(0, 60));
        check_refused<ssm::format_error>([&] { (void)parse_json(r.text, "f"); }, r.says);
    }
    std::string objects;
    for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
    check_refused<ssm::format_error>([&] { (void)parse_json(objects, "f"); }, {"deeper than 64"});
}

TEST_CASE("a value in a message is short and printable") {
    CHECK(ssm::text_of(parse_json("[1]", "f")) == "an array");
    CHECK(ssm::text_of(parse_json("{}", "f")) == "an object");
    CHECK(ssm::text_of(parse_json("\"é\"", "f")) == "\"\\u00e9\"");
    CHECK(ssm::text_of(ssm::json(std::string(1000, 'x'))).size() == 60);
}

TEST_CASE("fields are read with their type and range") {
    const ssm::json object =
        parse_json(R"({"i":3,"n":0.5,"b":true,"t":"x","null":null,"o":{"k":1},"big":18446744073709551615})", "f");
    const ssm::json_fields fields(object, "f");
    CHECK(fields.integer("i", 0, 3) == 3);
    CHECK(fields.integer("null", 0, 3, 2) == 2);
    CHECK(fields.number("n", 0, 1) == 0.5);
    CHECK(fields.number("i", 0, 3) == 3);
    CHECK(fields.boolean("b"));
    CHECK(fields.text("t") == "x");
    CHECK(fields.text("none", "y") == "y");
    CHECK(fields.object("o").integer("k", 0, 1) == 1);
    CHECK_FALSE(fields.has("null"));

    const auto refused = [](const auto& call, const std::vector<std::string>& says) {
        check_refused<ssm::config_error>(call, says);
    };
    refused([&] { (void)fields.integer("i", 4, 9); }, {"f: i: found 3, expected a whole number from 4 to 9"});
    refused([&] { (void)fields.integer("i", 0, 2); }, {"f: i: found 3, expected a whole number from 0 to 2"});
    refused([&] { (void)fields.integer("n", 0, 2); }, {"f: n: found 0.5"});
    refused([&] { (void)fields.integer("b", 0, 2); }, {"f: b: found true"});
    refused([&] { (void)fields.integer("big", -9, 9); }, {"f: big: found 18446744073709551615"});
    refused([&] { (void)fields.integer("none", 0, 2); }, {"f: none: found nothing", "required"});
    refused([&] { (void)fields.number("n", 1, 2); }, {"f: n: found 0.5, expected a number from 1.0 to 2.0"});
    refused([&] { (void)fields.number("t", 1, 2); }, {"f: t: found \"x\", expected a number"});
    refused([&] { (void)fields.boolean("i"); }, {"f: i: found 3, expected true or false"});
    refused([&] { (void)fields.text("i"); }, {"f: i: found 3, expected a string"});
    refused([&] { (void)fields.object("i"); }, {"f: i: found 3, expected an object"});
    refused([&] { (void)fields.object("o").text("k"); }, {"f: o: k: found 1, expected a string"});
    refused([&] { ssm::json_fields(ssm::json::array(), "f"); }, {"f: found an array, expected an object"});
}

}  // namespace json_test
