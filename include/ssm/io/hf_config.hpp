// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/model_config.hpp>
#include <ssm/io/file.hpp>
#include <ssm/io/json.hpp>

#include <cmath>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace ssm {

/// What config.json says: the model's sizes and numbers, and the ids that end a text.
struct hf_config {
    model_config model;
    std::vector<token_id> eos_ids;  ///< [eos_token_id], a number or a list; may be empty
};

/// Reads a field that is a token id, a list of them or missing. Throws config_error.
[[nodiscard]] inline std::vector<token_id> token_ids(const json_fields& fields, const char* key) {
    constexpr index most = 1 << 24;
    std::vector<token_id> ids;
    const json* const value = fields.find(key);
    if (value == nullptr) return ids;
    if (!value->is_array()) return {static_cast<token_id>(fields.to_integer(key, *value, 0, most))};
    for (const json& id : *value) ids.push_back(static_cast<token_id>(fields.to_integer(key, id, 0, most)));
    return ids;
}

/// `text` with the bare Infinity, -Infinity and NaN that Python's json module writes, and JSON does not have, tagged as
/// transformers 5 does: {"__float__": "Infinity"}.
[[nodiscard]] inline std::string with_tagged_floats(std::string_view text) {
    std::string tagged;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        std::string_view found;
        for (const std::string_view name : {"Infinity", "-Infinity", "NaN"})
            if (!in_string && text.substr(i).starts_with(name)) found = name;
        if (!found.empty()) {
            tagged += "{\"__float__\": \"" + std::string(found) + "\"}";
            i += found.size() - 1;
            continue;
        }
        const bool escapes = in_string && text[i] == '\\' && i + 1 < text.size();
        if (text[i] == '"') in_string = !in_string;
        tagged += text[i];
        if (escapes) tagged += text[++i];
    }
    return tagged;
}

/// Readers of the forms a Mamba configuration comes in.
class config_reader {
public:
    explicit config_reader(const json_fields& fields) : fields_(fields) {}

    [[nodiscard]] hf_config read() const {
        hf_config config;
        if (!fields_.has("model_type") && fields_.has("d_model"))
            config.model = original();
        else
            config.model = hugging_face();
        config.model.source = fields_.source();
        config.eos_ids = token_ids(fields_, "eos_token_id");
        for (const token_id id : config.eos_ids)
            if (id >= config.model.vocab)
                throw config_error({fields_.source(),
                                    "eos_token_id",
                                    std::to_string(id),
                                    "an id below vocab_size, " + std::to_string(config.model.vocab),
                                    {}});
        return config;
    }

private:
    // Bounds that no published model comes near, and whose products still fit an index.
    static constexpr index widest = 1 << 20;
    static constexpr index most_states = 1 << 12;
    static constexpr index most_taps = 256;
    static constexpr index most_layers = 1 << 14;
    static constexpr index most_words = 1 << 24;
    /// B and C of all groups are no wider than anything else.
    [[nodiscard]] static constexpr index most_groups(const model_config& m) noexcept { return widest / (2 * m.state); }

    /// `FalconMambaConfig`, `MambaConfig` and `Mamba2Config` of transformers, with their defaults.
    [[nodiscard]] model_config hugging_face() const {
        model_config m;
        m.model_type = fields_.text("model_type");
        const bool is_mamba2 = m.model_type == "mamba2";
        if (m.model_type != "falcon_mamba" && m.model_type != "mamba" && !is_mamba2)
            throw config_error({fields_.source(), "model_type", "\"" + m.model_type + "\"",
                                "\"falcon_mamba\", \"mamba\" or \"mamba2\"", "other architectures are not supported"});
        m.hidden = fields_.integer("hidden_size", 1, widest);
        m.layers = layers();
        m.vocab = fields_.integer("vocab_size", 1, most_words);
        m.state = fields_.integer("state_size", 1, most_states, is_mamba2 ? 128 : 16);
        m.conv = fields_.integer("conv_kernel", 1, most_taps, 4);
        if (is_mamba2) {
            m.inner = expanded(fields_, m.hidden);
            m.heads = fields_.integer("num_heads", 1, widest, 128);
            require_heads(fields_, "num_heads", m, fields_.integer("head_dim", 1, widest, 64));
            m.groups = fields_.integer("n_groups", 1, most_groups(m), 8);
            read_dt_limits(fields_, "time_step_limit", m);
        } else {
            m.inner = inner_width(m.hidden);
            m.dt_rank = dt_rank("time_step_rank", fields_, m.hidden);
        }
        m.norm_eps = static_cast<float>(fields_.number("layer_norm_epsilon", 0, 1e3, 1e-5));
        m.mixer_norm_eps = static_cast<float>(fields_.number("mixer_rms_eps", 0, 1e3, 1e-6));
        m.projection_bias = fields_.boolean("use_bias", false);
        m.conv_bias = fields_.boolean("use_conv_bias", true);
        m.tied_head = fields_.boolean("tie_word_embeddings", !is_mamba2);
        const std::string activation = fields_.text("hidden_act", "silu");
        if (activation != "silu" && activation != "swish")
            throw config_error({fields_.source(), "hidden_act", "\"" + activation + "\"", "\"silu\"",
                                "no other activation is supported"});
        return m;
    }

    [[nodiscard]] index layers() const {
        return fields_.has("num_hidden_layers") ? fields_.integer("num_hidden_layers", 1, most_layers)
                                                : fields_.integer("n_layer", 1, most_layers);
    }

    /// The stated width wins: falcon-mamba-7b's own file says 8192 and, wrongly, expand 16.
    [[nodiscard]] index inner_width(index hidden) const {
        if (fields_.has("intermediate_size")) return fields_.integer("intermediate_size", 1, widest);
        return expanded(fields_, hidden);
    }

    [[nodiscard]] index expanded(const json_fields& fields, index hidden) const {
        const double width = fields.number("expand", 1e-3, 1e3, 2) * static_cast<double>(hidden);
        if (width < 1 || width > static_cast<double>(widest) || width != static_cast<double>(static_cast<index>(width)))
            throw config_error({fields.source(),
                                "expand",
                                text_of(json(width / static_cast<double>(hidden))),
                                "a factor of the hidden width " + std::to_string(hidden) +
                                    " that gives a whole number up to " + std::to_string(widest),
                                {}});
        return static_cast<index>(width);
    }

    [[nodiscard]] static index dt_rank(const char* key, const json_fields& fields, index hidden) {
        const json* const value = fields.find(key);
        if (value == nullptr || *value == "auto") return (hidden + 15) / 16;
        return fields.to_integer(key, *value, 1, widest);
    }

    static void require_heads(const json_fields& fields, const char* key, const model_config& m, index width) {
        if (m.heads * width != m.inner)
            throw config_error({fields.source(),
                                key,
                                std::to_string(m.heads) + " of " + std::to_string(width) + " channels",
                                "as many as make " + std::to_string(m.inner) + ", the inner width",
                                {}});
    }

    /// Two numbers, either of which may be infinite and stands tagged then.
    static void read_dt_limits(const json_fields& fields, const char* key, model_config& m) {
        const json* const limits = fields.find(key);
        if (limits == nullptr) return;
        constexpr double largest = 1e30;
        const auto number = [](const json& value) {
            if (value == json{{"__float__", "Infinity"}}) return INFINITY;
            const double given = value.is_number() ? value.get<double>() : NAN;
            return given >= 0 && given <= largest ? static_cast<float>(given) : NAN;
        };
        if (limits->is_array() && limits->size() == 2) {
            m.dt_limits = {number((*limits)[0]), number((*limits)[1])};
            if (m.dt_limits.least >= 0 && m.dt_limits.least <= m.dt_limits.most) return;
        }
        throw fields.mistyped(key, *limits, "two numbers from 0 to Infinity, the lower one first");
    }

    /// `MambaConfig` of the original mamba_ssm package. Its loader ties the head by default and pads the vocabulary.
    [[nodiscard]] model_config original() const {
        model_config m;
        m.model_type = "mamba";
        m.hidden = fields_.integer("d_model", 1, widest);
        m.layers = fields_.integer("n_layer", 1, most_layers);
        const index multiple = fields_.integer("pad_vocab_size_multiple", 1, 1 << 16, 8);
        m.vocab = (fields_.integer("vocab_size", 1, most_words) + multiple - 1) / multiple * multiple;
        m.tied_head = fields_.boolean("tie_embeddings", true);
        require_absent();

        static const json nothing = json::object();
        const json_fields mixer =
            fields_.has("ssm_cfg") ? fields_.object("ssm_cfg") : json_fields(nothing, fields_.source() + ": ssm_cfg");
        const std::string layer = mixer.text("layer", "Mamba1");
        if (layer != "Mamba1" && layer != "Mamba2")
            throw config_error({mixer.source(), "layer", "\"" + layer + "\"", "\"Mamba1\" or \"Mamba2\"",
                                "other mixers are not supported"});
        m.inner = expanded(mixer, m.hidden);
        m.conv = mixer.integer("d_conv", 1, most_taps, 4);
        if (layer == "Mamba2") {
            read_original_mamba2(mixer, m);
        } else {
            m.state = mixer.integer("d_state", 1, most_states, 16);
            m.dt_rank = dt_rank("dt_rank", mixer, m.hidden);
        }
        m.projection_bias = mixer.boolean("bias", false);
        m.conv_bias = mixer.boolean("conv_bias", true);
        return m;
    }

    /// The `Mamba2` layers of the original package, which transformers' are.
    static void read_original_mamba2(const json_fields& mixer, model_config& m) {
        m.model_type = "mamba2";
        m.state = mixer.integer("d_state", 1, most_states, 128);
        const index width = mixer.integer("headdim", 1, widest, 64);
        m.heads = m.inner / width;
        require_heads(mixer, "headdim", m, width);
        m.groups = mixer.integer("ngroups", 1, most_groups(m), 1);
        read_dt_limits(mixer, "dt_limit", m);
        const auto require = [&](const char* key, bool expected) {
            if (mixer.boolean(key, expected) != expected)
                throw config_error({mixer.source(), key, expected ? "false" : "true", expected ? "true" : "false",
                                    "no other form of the mixer is supported"});
        };
        require("rmsnorm", true);
        require("norm_before_gate", false);
        require("D_has_hdim", false);
        if (mixer.has("d_ssm"))
            throw config_error({mixer.source(), "d_ssm", text_of(*mixer.find("d_ssm")), "nothing",
                                "a mixer with an MLP beside it is not supported"});
    }

    /// What the original package can do beyond Mamba with RMS norms.
    void require_absent() const {
        if (!fields_.boolean("rms_norm", true))
            throw config_error({fields_.source(), "rms_norm", "false", "true", "layer norms are not supported"});
        for (const char* const key : {"attn_layer_idx", "attn_cfg"}) {
            const json* const value = fields_.find(key);
            if (value != nullptr && !value->empty())
                throw config_error(
                    {fields_.source(), key, text_of(*value), "nothing", "attention layers are not supported"});
        }
        if (fields_.integer("d_intermediate", 0, widest, 0) != 0)
            throw config_error({fields_.source(), "d_intermediate", text_of(*fields_.find("d_intermediate")), "0",
                                "blocks with an MLP are not supported"});
    }

    const json_fields& fields_;
};

/// Reads a config.json of Hugging Face's Falcon Mamba, Mamba or Mamba-2, or of the original mamba_ssm.
/// Throws config_error naming the file, the field, what was found and what is expected; format_error when it is not JSON.
[[nodiscard]] inline hf_config parse_hf_config(std::string_view text, const std::string& source) {
    const json parsed = parse_json(with_tagged_floats(text), source);
    const json_fields fields(parsed, source);
    return config_reader(fields).read();
}

/// `parse_hf_config` of a file; throws io_error as well.
[[nodiscard]] inline hf_config read_hf_config(const std::filesystem::path& path) {
    return parse_hf_config(read_text_file(path), path.string());
}

}  // namespace ssm
