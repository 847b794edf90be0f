// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

#include <ssm/io/hf_config.hpp>

#include <cmath>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "io/sample_files.hpp"
#include "support/catch.hpp"

namespace hf_config_test {

namespace {

using namespace ssm::test;
using ssm::json;

using changes = std::initializer_list<std::pair<const char*, json>>;

/// Falcon Mamba 7B's fields, with some set to other values. A value of `discarded` takes the field away.
const json absent = json(json::value_t::discarded);

std::string changed(json config, changes fields) {
    for (const auto& [key, value] : fields) {
        if (value.is_discarded())
            config.erase(key);
        else
            config[key] = value;
    }
    return config.dump();
}

std::string falcon(changes fields = {}) {
    return changed(json::parse(R"({"model_type": "falcon_mamba", "hidden_size": 4096, "intermediate_size": 8192,
        "expand": 16, "num_hidden_layers": 64, "vocab_size": 65024, "state_size": 16, "conv_kernel": 4,
        "time_step_rank": 256, "layer_norm_epsilon": 1e-5, "mixer_rms_eps": 1e-6, "use_bias": false,
        "use_conv_bias": true, "tie_word_embeddings": false, "hidden_act": "silu", "eos_token_id": 11,
        "residual_in_fp32": true, "time_step_min": 0.001})"),
                   fields);
}

std::string original(changes fields = {}) {
    return changed(json::parse(R"({"d_model": 768, "n_layer": 24, "vocab_size": 50277, "ssm_cfg": {},
        "rms_norm": true, "residual_in_fp32": true, "fused_add_norm": true, "pad_vocab_size_multiple": 8})"),
                   fields);
}

/// Mamba-Codestral 7B's fields, with the bare Infinity that its file has.
std::string codestral(changes fields = {}) {
    std::string text =
        changed(json::parse(R"({"model_type": "mamba2", "hidden_size": 4096, "intermediate_size": 8192, "expand": 2,
        "num_heads": 128, "head_dim": 64, "n_groups": 8, "num_hidden_layers": 64, "vocab_size": 32768, "state_size": 128,
        "conv_kernel": 4, "time_step_rank": 256, "layer_norm_epsilon": 1e-5, "use_bias": false, "use_conv_bias": true,
        "tie_word_embeddings": false, "hidden_act": "silu", "norm_before_gate": true, "rms_norm": true,
        "chunk_size": 256, "time_step_limit": [0.0, "INFINITE"]})"),
                fields);
    if (const auto at = text.find("\"INFINITE\""); at != std::string::npos) text.replace(at, 10, "Infinity");
    return text;
}

ssm::hf_config parse(const std::string& text) { return ssm::parse_hf_config(text, "config.json"); }
ssm::model_config model_of(const std::string& text) { return parse(text).model; }

}  // namespace

TEST_CASE("every field of config.json reaches the model") {
    const ssm::hf_config config = parse(falcon());
    ssm::model_config expected;
    expected.hidden = 4096;
    expected.inner = 8192;
    expected.state = 16;
    expected.conv = 4;
    expected.dt_rank = 256;
    expected.layers = 64;
    expected.vocab = 65024;
    expected.norm_eps = 1e-5F;
    expected.mixer_norm_eps = 1e-6F;
    expected.model_type = "falcon_mamba";
    expected.source = "config.json";
    CHECK(config.model == expected);
    CHECK(config.eos_ids == std::vector<ssm::token_id>{11});

    const ssm::model_config other = model_of(falcon({{"hidden_size", 40},
                                                     {"intermediate_size", 77},
                                                     {"num_hidden_layers", 3},
                                                     {"vocab_size", 51},
                                                     {"state_size", 5},
                                                     {"conv_kernel", 2},
                                                     {"time_step_rank", 7},
                                                     {"layer_norm_epsilon", 0.25},
                                                     {"mixer_rms_eps", 1e-5},
                                                     {"use_bias", true},
                                                     {"use_conv_bias", false},
                                                     {"tie_word_embeddings", true}}));
    expected = {.hidden = 40,
                .inner = 77,
                .state = 5,
                .conv = 2,
                .dt_rank = 7,
                .layers = 3,
                .vocab = 51,
                .norm_eps = 0.25F,
                .mixer_norm_eps = 1e-5F,
                .projection_bias = true,
                .conv_bias = false,
                .tied_head = true,
                .model_type = "falcon_mamba",
                .source = "config.json"};
    CHECK(other == expected);
}

TEST_CASE("missing fields take the defaults of the published classes") {
    const ssm::model_config config = model_of(
        R"({"model_type": "mamba", "hidden_size": 100, "num_hidden_layers": 2, "vocab_size": 50, "use_bias": null})");
    CHECK(config.inner == 200);
    CHECK(config.state == 16);
    CHECK(config.conv == 4);
    CHECK(config.dt_rank == 7);
    CHECK(config.norm_eps == 1e-5F);
    CHECK(config.mixer_norm_eps == 1e-6F);
    CHECK_FALSE(config.projection_bias);
    CHECK(config.conv_bias);
    CHECK(config.tied_head);
    CHECK(config.model_type == "mamba");
}

TEST_CASE("the traps of config.json") {
    CHECK(model_of(falcon({{"intermediate_size", absent}, {"expand", 3}})).inner == 3 * 4096);
    CHECK(model_of(falcon({{"intermediate_size", nullptr}, {"expand", absent}})).inner == 2 * 4096);
    CHECK(model_of(falcon({{"intermediate_size", absent}, {"expand", 1.5}})).inner == 6144);
    CHECK(model_of(falcon({{"time_step_rank", "auto"}})).dt_rank == 256);
    CHECK(model_of(falcon({{"time_step_rank", "auto"}, {"hidden_size", 4097}})).dt_rank == 257);
    CHECK(model_of(falcon({{"num_hidden_layers", absent}, {"n_layer", 5}})).layers == 5);
    CHECK(model_of(falcon({{"hidden_act", absent}})) == model_of(falcon({{"hidden_act", "swish"}})));
    CHECK(parse(falcon({{"eos_token_id", json::array({3, 0, 65023})}})).eos_ids ==
          std::vector<ssm::token_id>{3, 0, 65023});
    CHECK(parse(falcon({{"eos_token_id", nullptr}})).eos_ids.empty());
    CHECK(parse(falcon({{"eos_token_id", absent}})).eos_ids.empty());
}

TEST_CASE("Mamba-2 has heads and groups") {
    ssm::model_config expected;
    expected.hidden = 4096;
    expected.inner = 8192;
    expected.state = 128;
    expected.conv = 4;
    expected.layers = 64;
    expected.vocab = 32768;
    expected.heads = 128;
    expected.groups = 8;
    expected.model_type = "mamba2";
    expected.source = "config.json";
    CHECK(model_of(codestral()) == expected);
    const ssm::model_config defaults =
        model_of(R"({"model_type": "mamba2", "hidden_size": 4096, "num_hidden_layers": 64, "vocab_size": 32768})");
    CHECK(defaults == expected);

    const json infinite = {{"__float__", "Infinity"}};
    CHECK(model_of(codestral({{"time_step_limit", json::array({0, infinite})}})) == expected);
    const ssm::model_config other = model_of(codestral({{"time_step_limit", json::array({0.25, 0.5})},
                                                        {"num_heads", 64},
                                                        {"head_dim", 128},
                                                        {"n_groups", 1},
                                                        {"tie_word_embeddings", true}}));
    CHECK(other.dt_limits.least == 0.25F);
    CHECK(other.dt_limits.most == 0.5F);
    CHECK(other.heads == 64);
    CHECK(other.groups == 1);
    CHECK(other.tied_head);

    const auto refused = [](const char* key, const json& value, const std::string& says) {
        INFO(key << " = " << value.dump());
        check_refused<ssm::config_error>(
            [&] {
                (void)parse(codestral({{key, value}}));
            },
            {"config.json: " + std::string(key) + ": found " + says});
    };
    refused("num_heads", 127, "127 of 64 channels, expected as many as make 8192");
    refused("num_heads", 0, "0");
    refused("head_dim", "64", "\"64\"");
    refused("n_groups", 0, "0");
    for (const json& limits :
         {json::array({0}), json::array({0.5, 0.25}), json::array({-1, 1}), json::array({"0", 1}),
          json::array({0, 1e300}), json::array({infinite, 1}), json::array({0, {{"__float__", "NaN"}}})})
        refused("time_step_limit", limits, "an array, expected two numbers from 0 to Infinity");
    refused("time_step_limit", 1, "1");
    // A bare Infinity is text where it is text, and no number for other fields.
    CHECK(model_of(codestral({{"comment", "\\\" Infinity, -Infinity"}})) == expected);
    check_refused<ssm::config_error>([] { (void)parse(R"({"model_type": "mamba", "hidden_size": NaN})"); },
                                     {"config.json: hidden_size: found an object"});
}

TEST_CASE("each field of config.json is refused when it is missing, mistyped or out of range") {
    const auto refused = [](const char* key, const json& value, const std::string& found) {
        INFO(key << " = " << value.dump());
        check_refused<ssm::config_error>(
            [&] {
                (void)parse(falcon({{key, value}}));
            },
            {"config.json: " + std::string(key) + ": found " + found + ", expected "});
    };
    for (const char* const key : {"model_type", "hidden_size", "vocab_size"}) refused(key, absent, "nothing");
    refused("model_type", nullptr, "nothing");
    check_refused<ssm::config_error>(
        [&] {
            (void)parse(falcon({{"num_hidden_layers", absent}}));
        },
        {"config.json: n", "_layer", "found nothing"});
    for (const char* const key : {"hidden_size", "intermediate_size", "num_hidden_layers", "vocab_size", "state_size",
                                  "conv_kernel", "time_step_rank"}) {
        refused(key, 0, "0");
        refused(key, -1, "-1");
        refused(key, 1LL << 40, "1099511627776");
        refused(key, 18446744073709551615ULL, "18446744073709551615");
        refused(key, 16.5, "16.5");
        refused(key, 16.0, "16.0");
        refused(key, "16", "\"16\"");
        refused(key, true, "true");
        refused(key, json::array({16}), "an array");
        refused(key, json::object(), "an object");
    }
    for (const char* const key : {"layer_norm_epsilon", "mixer_rms_eps"}) {
        refused(key, -1e-5, "-1e-05");
        refused(key, 1e300, "1e+300");
        refused(key, "1e-5", "\"1e-5\"");
        refused(key, false, "false");
    }
    for (const char* const key : {"use_bias", "use_conv_bias", "tie_word_embeddings"}) {
        refused(key, 1, "1");
        refused(key, "true", "\"true\"");
        refused(key, json::array(), "an array");
    }
    refused("model_type", "mamba3", "\"mamba3\"");
    refused("model_type", "FalconMambaForCausalLM", "\"FalconMambaForCausalLM\"");
    refused("model_type", 5, "5");
    refused("hidden_act", "gelu", "\"gelu\"");
    refused("hidden_act", 5, "5");
    refused("eos_token_id", 65024, "65024");
    refused("eos_token_id", -1, "-1");
    refused("eos_token_id", "</s>", "\"</s>\"");
    refused("eos_token_id", 1LL << 32, "4294967296");
    refused("eos_token_id", json::array({1, 65024}), "65024");
    refused("eos_token_id", json::array({json::array({1})}), "an array");
    const auto expand = [](const json& value, const std::string& found) {
        INFO(value.dump());
        check_refused<ssm::config_error>(
            [&] {
                (void)parse(falcon({{"intermediate_size", absent}, {"expand", value}}));
            },
            {"config.json: expand: found " + found});
    };
    expand(0, "0");
    expand(-2, "-2");
    expand("2", "\"2\"");
    expand(1e10, "1");
    expand(1000, "1000");
    expand(1.00001, "1.00001");
}

TEST_CASE("a config.json that is no JSON object is refused") {
    check_refused<ssm::format_error>([] { (void)parse(""); }, {"config.json: JSON"});
    check_refused<ssm::format_error>([] { (void)parse("{\"hidden_size\": 1, \"hidden_size\": 1}"); },
                                     {"config.json: key \"hidden_size\"", "twice"});
    check_refused<ssm::config_error>([] { (void)parse("[]"); }, {"config.json: found an array", "an object"});
    check_refused<ssm::config_error>([] { (void)parse("{}"); }, {"config.json: model_type: found nothing"});
}

TEST_CASE("the config.json of the original package is a Mamba with a padded vocabulary") {
    const ssm::model_config config = model_of(original());
    CHECK(config.model_type == "mamba");
    CHECK(config.hidden == 768);
    CHECK(config.layers == 24);
    CHECK(config.vocab == 50280);
    CHECK(config.inner == 1536);
    CHECK(config.state == 16);
    CHECK(config.conv == 4);
    CHECK(config.dt_rank == 48);
    CHECK(config.conv_bias);
    CHECK_FALSE(config.projection_bias);
    CHECK(config.tied_head);
    CHECK(model_of(original({{"vocab_size", 50280}, {"ssm_cfg", absent}})) == config);
    CHECK(model_of(original({{"pad_vocab_size_multiple", 16}})).vocab == 50288);
    CHECK_FALSE(model_of(original({{"tie_embeddings", false}})).tied_head);

    const ssm::model_config inner = model_of(original(
        {{"ssm_cfg",
          json::parse(
              R"({"layer":"Mamba1","d_state":5,"d_conv":3,"expand":3,"dt_rank":9,"bias":true,"conv_bias":false})")}}));
    CHECK(inner.state == 5);
    CHECK(inner.conv == 3);
    CHECK(inner.inner == 2304);
    CHECK(inner.dt_rank == 9);
    CHECK(inner.projection_bias);
    CHECK_FALSE(inner.conv_bias);
    CHECK(model_of(original({{"ssm_cfg", {{"dt_rank", "auto"}}}})).dt_rank == 48);
    CHECK(model_of(original(
              {{"attn_layer_idx", json::array()}, {"attn_cfg", json::object()}, {"d_intermediate", 0}})) == config);
}

TEST_CASE("the original package's Mamba2 layers are Mamba-2") {
    const auto with = [](const json& ssm_cfg) { return model_of(original({{"ssm_cfg", ssm_cfg}})); };
    const ssm::model_config config = with({{"layer", "Mamba2"}});
    CHECK(config.model_type == "mamba2");
    CHECK(config.inner == 1536);
    CHECK(config.state == 128);
    CHECK(config.heads == 24);
    CHECK(config.groups == 1);
    CHECK(config.dt_limits.least == 0);
    CHECK(config.dt_limits.most == INFINITY);
    CHECK(config.dt_rank == 0);
    CHECK(config.tied_head);
    const ssm::model_config other = with({{"layer", "Mamba2"},
                                          {"d_state", 64},
                                          {"headdim", 32},
                                          {"ngroups", 2},
                                          {"dt_limit", json::array({0.5, 2})},
                                          {"rmsnorm", true},
                                          {"norm_before_gate", false}});
    CHECK(other.state == 64);
    CHECK(other.heads == 48);
    CHECK(other.groups == 2);
    CHECK(other.dt_limits.most == 2);
    const auto refused = [&](const char* key, const json& value, const std::string& found) {
        INFO(key << " = " << value.dump());
        check_refused<ssm::config_error>(
            [&] {
                (void)with({{"layer", "Mamba2"}, {key, value}});
            },
            {"config.json: ssm_cfg: " + std::string(key) + ": found " + found});
    };
    refused("headdim", 100, "15 of 100 channels, expected as many as make 1536");
    refused("rmsnorm", false, "false, expected true");
    refused("norm_before_gate", true, "true, expected false");
    refused("D_has_hdim", true, "true, expected false");
    refused("d_ssm", 768, "768, expected nothing");
}

TEST_CASE("what the original package has beyond Mamba is refused by field") {
    const auto refused = [](const char* key, const json& value, const std::vector<std::string>& says) {
        INFO(key << " = " << value.dump());
        check_refused<ssm::config_error>([&] { (void)parse(original({{key, value}})); }, says);
    };
    refused("ssm_cfg", {{"layer", "Mamba3"}},
            {"config.json: ssm_cfg: layer: found \"Mamba3\", expected \"Mamba1\" or \"Mamba2\""});
    refused("ssm_cfg", {{"d_state", 0}}, {"config.json: ssm_cfg: d_state: found 0"});
    refused("ssm_cfg", {{"d_conv", "4"}}, {"config.json: ssm_cfg: d_conv: found \"4\""});
    refused("ssm_cfg", {{"expand", -1}}, {"config.json: ssm_cfg: expand: found -1"});
    refused("ssm_cfg", {{"dt_rank", "all"}}, {"config.json: ssm_cfg: dt_rank: found \"all\""});
    refused("ssm_cfg", 3, {"config.json: ssm_cfg: found 3, expected an object"});
    refused("rms_norm", false, {"config.json: rms_norm: found false", "layer norms"});
    refused("attn_layer_idx", json::array({1}), {"config.json: attn_layer_idx: found an array", "attention"});
    refused("attn_cfg", {{"causal", true}}, {"config.json: attn_cfg: found an object", "attention"});
    refused("d_intermediate", 64, {"config.json: d_intermediate: found 64", "MLP"});
    refused("n_layer", absent, {"config.json: n_layer: found nothing"});
    refused("pad_vocab_size_multiple", 0, {"config.json: pad_vocab_size_multiple: found 0"});
}

}  // namespace hf_config_test
