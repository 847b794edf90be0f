// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/backend/cpu/cpu.hpp>
#include <ssm/ssm.hpp>

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "support/catch.hpp"
#include "support/random_weights.hpp"
#include "support/stock_models.hpp"

namespace load_test {

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

/// Weights as if they were in a mapped file: notes how many bytes of each tensor that was found were let go of last.
struct mapped_weights {
    const random_weights& weights;
    std::map<std::string, std::size_t>& let_go;

    const ssm::model_config& config() const { return weights.config(); }
    std::string describe() const { return weights.describe(); }
    std::optional<ssm::stored_tensor> find(std::string_view name) const {
        auto tensor = weights.find(name);
        if (tensor)
            tensor->let_go = [&last = let_go[tensor->name]](std::span<const std::byte> part) { last = part.size(); };
        return tensor;
    }
};

}  // namespace

TEST_CASE("A file's pages are let go of when their tensor is loaded and identified") {
    const random_weights weights(small_config());
    std::map<std::string, std::size_t> let_go;
    (void)ssm::load<falcon>(mapped_weights{weights, let_go}, ssm::cpu());
    CHECK(let_go.size() == 23);  // ten of each layer and the model's own three
    for (const auto& [name, bytes] : let_go) {
        CAPTURE(name);
        CHECK(bytes == weights.find(name)->bytes.size());
    }
}

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

TEST_CASE("Heads that do not divide the channels are refused, and groups that do not divide the heads") {
    const ssm::cpu device;
    const auto refusal = [&](ssm::index heads, ssm::index groups) {
        ssm::model_config config = ssm::test::small_mamba2_config();
        config.heads = heads;
        config.groups = groups;
        try {
            (void)ssm::plan<ssm::mamba2<ssm::cpu>>(config, device);
        } catch (const ssm::config_error& error) {
            return std::string(error.what());
        }
        return std::string("none");
    };
    CHECK(refusal(6, 3) == "none");
    CHECK_THAT(refusal(5, 1),
               Catch::Contains("config.json: num_heads: found 5, expected a divisor of the 78 channels"));
    CHECK_THAT(refusal(0, 1), Catch::Contains("num_heads: found 0"));
    CHECK_THAT(refusal(6, 4), Catch::Contains("config.json: n_groups: found 4, expected a divisor of the 6 heads"));
    CHECK_THAT(refusal(6, 0), Catch::Contains("n_groups: found 0"));
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
    constexpr ssm::index rows = 64;  // 51 in whole panels of 32
    CHECK(bytes(tied_with_head) - bytes(tied) == rows * config.hidden * 4);
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

TEST_CASE("What must not be narrowed stays float, whatever the matrices are kept in") {
    const ssm::cpu device;
    random_weights weights(small_config());
    const auto model = [&](ssm::dtype type) { return ssm::load<falcon>(weights, device, {.type = type}); };
    const ssm::index matrices_f32 = model(ssm::dtype::f32).weight_bytes();
    for (const ssm::dtype type : {ssm::dtype::q8, ssm::dtype::q4}) CHECK(model(type).weight_bytes() < matrices_f32);

    // A change that any quantization would round away still tells.
    const auto logits = [&] {
        const auto quantized = model(ssm::dtype::q4);
        auto state = quantized.start_state();
        auto scratch = quantized.make_workspace(2);
        std::vector<float> all(2 * 51);
        quantized.forward(std::vector<ssm::token_id>{7, 8}, state, scratch, ssm::matrix_view<float>(all.data(), 2, 51));
        return all;
    };
    const auto before = logits();
    for (const char* name :
         {"norm.weight", "mixer.conv1d.weight", "mixer.conv1d.bias", "mixer.dt_proj.bias", "mixer.A_log", "mixer.D"}) {
        CAPTURE(name);
        auto& values = weights.values(std::string("backbone.layers.0.") + name);
        const std::vector<float> kept = values;
        for (float& value : values) value *= 1.0001F;
        CHECK(logits() != before);
        values = kept;
    }
    CHECK(logits() == before);
}

TEST_CASE("A small parameter that is stored quantized is refused by name") {
    struct quantized_source {
        const random_weights& weights;
        std::string name;
        std::vector<std::byte> bytes = std::vector<std::byte>(1 << 16);
        const ssm::model_config& config() const { return weights.config(); }
        std::string describe() const { return weights.describe(); }
        std::optional<ssm::stored_tensor> find(std::string_view wanted) const {
            auto tensor = weights.find(wanted);
            if (wanted != name) return tensor;
            tensor->type = ssm::dtype::q8;
            tensor->bytes = bytes;
            return tensor;
        }
    };
    const ssm::cpu device;
    const random_weights weights(small_config());
    for (const char* name : {"A_log", "D", "conv1d.weight", "conv1d.bias", "dt_proj.bias"}) {
        const quantized_source source{weights, std::string("backbone.layers.0.mixer.") + name};
        CHECK_THROWS_AS(ssm::load<falcon>(source, device), ssm::format_error);
        CHECK_THROWS_WITH(ssm::load<falcon>(source, device),
                          Catch::Contains(std::string(name) + ": found dtype q8, expected f32, bf16 or f16; only"));
    }
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

TEST_CASE("Progress ends at the bytes of the checkpoint, also where a tensor is taken in parts") {
    const ssm::cpu device;
    ssm::model_config config = ssm::test::small_mamba2_config();
    config.projection_bias = true;
    random_weights weights(config);
    std::set<std::string> reported;
    ssm::index bytes = 0;
    ssm::load_options options;
    options.progress = [&](const ssm::load_progress& progress) {
        CHECK(reported.insert(std::string(progress.tensor)).second);
        bytes = progress.bytes;
        return true;
    };
    (void)ssm::load<ssm::mamba2<ssm::cpu>>(weights, device, options);
    CHECK(reported.contains("backbone.layers.1.mixer.in_proj.bias"));
    ssm::index stored = 0;
    for (const std::string& name : reported) stored += static_cast<ssm::index>(weights.find(name)->bytes.size());
    CHECK(bytes == stored);
}

TEST_CASE("A tensor has one part in the fingerprint, however it is taken") {
    const ssm::cpu device;
    const random_weights weights(small_config());
    const ssm::load_options options;
    const auto taken = [&](ssm::index parts, ssm::index times) {
        ssm::weight_loader<ssm::cpu> load(weights, device, options);
        for (ssm::index part = 0; part < parts; ++part)
            (void)load.matrix_rows("backbone.embeddings.weight", 51, 40, 51 / parts * part, 51 / parts);
        for (ssm::index time = 0; time < times; ++time) (void)load.values("backbone.norm_f.weight", {40});
        return load.fingerprint();
    };
    CHECK(taken(3, 1) == taken(1, 1));
    CHECK(taken(1, 2) == taken(1, 1));
    CHECK(taken(1, 0) != taken(1, 1));
}

}  // namespace load_test
