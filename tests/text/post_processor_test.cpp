// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

#include <ssm/text/post_processor.hpp>

#include <vector>

#include "support/catch.hpp"

namespace post_processor_test {

namespace {

const ssm::json text_part = {{"Sequence", {{"id", "A"}, {"type_id", 0}}}};

ssm::json token_part(const char* name) { return {{"SpecialToken", {{"id", name}, {"type_id", 0}}}}; }

ssm::json template_of(const ssm::json& single) {
    return {{"type", "TemplateProcessing"},
            {"single", single},
            {"special_tokens", {{"<s>", {{"id", "<s>"}, {"ids", {1}}}}, {"</s>", {{"id", "</s>"}, {"ids", {2, 3}}}}}}};
}

}  // namespace

TEST_CASE("a template sets tokens before and after") {
    const ssm::post_processor both(template_of({token_part("<s>"), text_part, token_part("</s>")}), "test");
    CHECK(both.before() == std::vector<ssm::token_id>{1});
    CHECK(both.after() == std::vector<ssm::token_id>{2, 3});
}

TEST_CASE("a sequence collects its steps and ByteLevel adds nothing") {
    const ssm::json steps = {{"type", "Sequence"},
                             {"processors", {{{"type", "ByteLevel"}}, template_of({token_part("<s>"), text_part})}}};
    const ssm::post_processor sequence(steps, "test");
    CHECK(sequence.before() == std::vector<ssm::token_id>{1});
    CHECK(sequence.after().empty());
    CHECK(ssm::post_processor(nullptr, "test").before().empty());
}

TEST_CASE("a template that is none is refused") {
    CHECK_THROWS_AS(ssm::post_processor(template_of({token_part("<s>")}), "test"), ssm::config_error);
    CHECK_THROWS_AS(ssm::post_processor(template_of({text_part, text_part}), "test"), ssm::config_error);
    CHECK_THROWS_AS(ssm::post_processor(template_of({token_part("missing"), text_part}), "test"), ssm::config_error);
    CHECK_THROWS_WITH(ssm::post_processor(ssm::json{{"type", "BertProcessing"}}, "test"),
                      Catch::Contains("BertProcessing"));
}

}  // namespace post_processor_test
