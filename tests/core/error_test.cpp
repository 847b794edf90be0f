// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/core/error.hpp>

#include <string>

#include "support/catch.hpp"

namespace error_test {

TEST_CASE("An error's text names place, thing, value found, value expected and remedy") {
    const ssm::error error({"model.safetensors", "lm_head.weight", "[2, 3]", "[2, 4]", "convert the file again"});
    CHECK(std::string(error.what()) ==
          "model.safetensors: lm_head.weight: found [2, 3], expected [2, 4]; convert the file again");
}

TEST_CASE("Empty parts leave no trace in the text") {
    struct row {
        ssm::error_report report;
        std::string text;
    };
    for (const row& r : {row{{"file", "", "", "", ""}, "file"}, row{{"", "field", "3", "", ""}, "field: found 3"},
                         row{{"file", "field", "", "4", ""}, "file: field, expected 4"},
                         row{{"", "", "3", "", "retry"}, "found 3; retry"}, row{{"", "", "", "", "retry"}, "retry"},
                         row{{"", "", "", "", ""}, ""}})
        CHECK(std::string(ssm::error(r.report).what()) == r.text);
}

TEST_CASE("An error keeps its parts for programs") {
    const ssm::config_error error({"config.json", "state_size", "-1", "1 to 4096", ""});
    CHECK(error.report().where == "config.json");
    CHECK(error.report().what == "state_size");
    CHECK(error.report().found == "-1");
    CHECK(error.report().expected == "1 to 4096");
    CHECK(error.report().remedy.empty());
}

TEMPLATE_TEST_CASE("Every error is caught as ssm::error and as std::runtime_error", "", ssm::io_error,
                   ssm::format_error, ssm::config_error, ssm::argument_error, ssm::memory_error, ssm::cancelled) {
    const auto fail = [] { throw TestType({"here", "", "", "", ""}); };
    CHECK_THROWS_AS(fail(), TestType);
    CHECK_THROWS_AS(fail(), ssm::error);
    CHECK_THROWS_AS(fail(), std::runtime_error);
}

}  // namespace error_test
