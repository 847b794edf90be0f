// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/backend/cpu/cpu.hpp>
#include <ssm/ssm.hpp>

#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/random_weights.hpp"

namespace {

using falcon = ssm::falcon_mamba<ssm::cpu>;
using ssm::test::random_weights;
using ssm::test::small_config;

/// The logits after one token, enough to tell two models apart.
std::vector<float> logits_of(const random_weights& weights, const ssm::cpu& device) {
    const auto model = ssm::load<falcon>(weights, device);
    auto state = model.start_state();
    auto scratch = model.make_workspace(1);
    std::vector<float> logits(static_cast<std::size_t>(model.config().vocab));
    model.forward(std::vector<ssm::token_id>{7}, state, scratch,
                  ssm::matrix_view<float>(logits.data(), 1, model.config().vocab));
    return logits;
}

std::string refusal(const random_weights& weights) {
    const ssm::cpu device;
    try {
        (void)ssm::load<falcon>(weights, device);
    } catch (const ssm::error& error) {
        return error.what();
    }
    return "none";
}

}  // namespace

TEST_CASE("Every tensor of a layer is asked for") {
    for (const char* name :
         {"norm.weight", "mixer.in_proj.weight", "mixer.conv1d.weight", "mixer.conv1d.bias", "mixer.x_proj.weight",
          "mixer.dt_proj.weight", "mixer.dt_proj.bias", "mixer.A_log", "mixer.D", "mixer.out_proj.weight"}) {
        random_weights weights(small_config());
        weights.remove(std::string("backbone.layers.1.") + name);
        CHECK_THAT(refusal(weights), Catch::Contains(std::string("random weights: tensor backbone.layers.1.") + name +
                                                     ": found no such tensor, expected shape ["));
    }
}

TEST_CASE("A tensor of another shape is refused by name") {
    random_weights weights(small_config());
    weights.add("backbone.layers.0.mixer.A_log", {13, 77}, 0, 1);
    CHECK_THAT(refusal(weights),
               Catch::Contains("tensor backbone.layers.0.mixer.A_log: found shape [13, 77], expected shape [77, 13]"));
}

TEST_CASE("A checkpoint is not loaded as another model") {
    ssm::model_config config = small_config();
    config.model_type = "mamba";
    CHECK_THAT(refusal(random_weights(config)),
               Catch::Contains("config.json: model_type: found \"mamba\", expected \"falcon_mamba\""));
}

TEST_CASE("The head is the embedding only when none is stored") {
    const ssm::cpu device;
    ssm::model_config config = small_config();
    random_weights with_head(config);
    config.tied_head = true;
    random_weights tied(config);
    random_weights tied_with_head(config);
    tied_with_head.add("lm_head.weight", {config.vocab, config.hidden}, -1, 1);

    CHECK(logits_of(tied, device) != logits_of(with_head, device));
    CHECK(logits_of(tied_with_head, device) == logits_of(with_head, device));
    with_head.remove("lm_head.weight");
    CHECK_THAT(refusal(with_head), Catch::Contains("tensor lm_head.weight: found no such tensor"));

    const auto bytes = [&](const random_weights& weights) { return ssm::load<falcon>(weights, device).weight_bytes(); };
    CHECK(bytes(tied_with_head) - bytes(tied) == config.vocab * config.hidden * 4);
}

TEST_CASE("Biases count when the configuration has them") {
    const ssm::cpu device;
    ssm::model_config config = small_config();
    const auto plain = logits_of(random_weights(config), device);
    config.projection_bias = true;
    const auto biased = logits_of(random_weights(config), device);
    config.conv_bias = false;
    const auto no_conv_bias = logits_of(random_weights(config), device);
    CHECK(plain != biased);
    CHECK(biased != no_conv_bias);
}

TEST_CASE("Progress is reported and may cancel") {
    const ssm::cpu device;
    const random_weights weights(small_config());
    ssm::index calls = 0;
    ssm::index bytes = 0;
    ssm::load_options options;
    options.progress = [&](const ssm::load_progress& progress) {
        CHECK(progress.bytes > bytes);
        bytes = progress.bytes;
        return ++calls < 5;
    };
    CHECK_THROWS_AS(ssm::load<falcon>(weights, device, options), ssm::cancelled);
    CHECK(calls == 5);
}
