// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

#include <ssm/io/nonfinite.hpp>
#include <ssm/io/safetensors.hpp>

#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "io/sample_files.hpp"
#include "support/catch.hpp"
#include "support/random_weights.hpp"

namespace nonfinite_test {

using namespace ssm::test;

TEST_CASE("NaN and infinite weights are found by tensor and position") {
    random_weights weights(small_config());
    CHECK(ssm::find_nonfinite(weights).empty());

    weights.values("backbone.layers.1.mixer.D")[5] = std::numeric_limits<float>::quiet_NaN();
    weights.values("backbone.layers.1.mixer.D")[7] = std::numeric_limits<float>::infinity();
    weights.values("lm_head.weight").back() = -std::numeric_limits<float>::infinity();
    const auto found = ssm::find_nonfinite(weights);
    REQUIRE(found.size() == 2);
    CHECK(found[0].tensor == "backbone.layers.1.mixer.D");
    CHECK(found[0].position == 5);
    CHECK(std::isnan(found[0].value));
    CHECK(found[1].tensor == "lm_head.weight");
    CHECK(found[1].position == 51 * 40 - 1);
    CHECK(found[1].value == -std::numeric_limits<float>::infinity());
}

TEST_CASE("NaN and infinity are found in each stored type, misaligned too") {
    struct row {
        const char* type;
        std::string one, bad;  // little-endian
    };
    using namespace std::string_literals;
    for (const row& r : {row{"F32", "\x00\x00\x80\x3f"s, "\x00\x00\x80\x7f"s}, row{"BF16", "\x80\x3f"s, "\xc0\x7f"s},
                         row{"F16", "\x00\x3c"s, "\x00\xfc"s}}) {
        INFO(r.type);
        const std::string data = r.one + r.one + r.bad;
        for (const std::size_t padding : {0U, 1U}) {
            struct one_file {
                ssm::safetensors_file file;
                std::vector<std::string> names() const { return {"w"}; }
                std::optional<ssm::stored_tensor> find(const std::string& name) const { return file.find(name); }
            };
            const one_file source{parse_safetensors(
                safetensors_of("{" + entry_text("w", r.type, "[3]", "0", std::to_string(data.size())) + "}" +
                                   std::string(padding, ' '),
                               data))};
            const auto found = ssm::find_nonfinite(source);
            REQUIRE(found.size() == 1);
            CHECK(found[0].position == 2);
        }
    }
}

}  // namespace nonfinite_test
