// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

#include <ssm/io/nonfinite.hpp>
#include <ssm/io/synthetic_checkpoint.hpp>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "io/sample_files.hpp"
#include "support/catch.hpp"

namespace synthetic_checkpoint_test {

using namespace ssm::test;

namespace {

/// The 130m shape, cut down to a test's size.
ssm::model_config small_shape() {
    ssm::model_config config = ssm::synthetic_shape("130m");
    config.hidden = 32;
    config.inner = 64;
    config.dt_rank = 2;
    config.layers = 2;
    config.vocab = 100;
    return config;
}

bool same_bytes(const ssm::stored_tensor& a, const ssm::stored_tensor& b) {
    return std::equal(a.bytes.begin(), a.bytes.end(), b.bytes.begin(), b.bytes.end());
}

}  // namespace

TEST_CASE("published shapes have the published number of parameters") {
    const auto parameters = [](const char* name) {
        return ssm::synthetic_checkpoint(ssm::synthetic_shape(name)).bytes() / 2;
    };
    CHECK(parameters("130m") == 129'135'360);
    CHECK(parameters("mamba2-130m") == 128'989'632);
    CHECK(parameters("7b") == 7'272'665'088);
    CHECK(ssm::synthetic_checkpoint(ssm::synthetic_shape("7b")).names().size() == 643);
    check_refused<ssm::argument_error>([] { (void)ssm::synthetic_shape("3b"); },
                                       {"name: found \"3b\"", "one of 130m, 370m", "mamba2-2.7b", "h2048"});
}

TEST_CASE("synthetic weights follow from their seed, and are finite in every dtype") {
    for (const ssm::dtype type : {ssm::dtype::f32, ssm::dtype::bf16, ssm::dtype::f16}) {
        const ssm::synthetic_checkpoint first(small_shape(), type, 1);
        const ssm::synthetic_checkpoint again(small_shape(), type, 1);
        const ssm::synthetic_checkpoint other(small_shape(), type, 2);
        CHECK(ssm::find_nonfinite(first).empty());
        ssm::index bytes = 0;
        for (const std::string& name : first.names()) {
            INFO(name);
            const auto tensor = first.find(name);
            CHECK(tensor->type == type);
            CHECK(same_bytes(*tensor, *again.find(name)));
            bytes += static_cast<ssm::index>(tensor->bytes.size());
        }
        CHECK(bytes == first.bytes());
        const std::string embeddings = "backbone.embeddings.weight";
        CHECK_FALSE(same_bytes(*first.find(embeddings), *other.find(embeddings)));
        CHECK_FALSE(first.find("lm_head.weight"));  // tied
    }
}

}  // namespace synthetic_checkpoint_test
