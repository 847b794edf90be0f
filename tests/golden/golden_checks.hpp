// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/io/checkpoint.hpp>
#include <ssm/io/safetensors.hpp>
#include <ssm/ssm.hpp>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "support/catch.hpp"
#include "support/close.hpp"

/// \file
/// Every checkpoint in this folder against what transformers computed from it in fp32; a short file per backend.
namespace ssm::test {

/// How far a backend may be from the goldens, relative to their largest magnitude.
struct golden_bounds {
    double logits, states;
    double large_dt_logits;  // of mamba2-large-dt, where a decay is e to a dt of 30 and its input's rounding
    // A greedy choice is decided when its margin is well above what rounding moves.
    float decided_margin;
};

template <class T>
std::vector<T> values_of(const safetensors_file& file, const char* name) {
    const auto bytes = file.bytes_of(name);
    std::vector<T> values(bytes.size() / sizeof(T));
    std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
}

inline std::vector<token_id> ids_of(const safetensors_file& file, const char* name) {
    const auto wide = values_of<std::int64_t>(file, name);
    return std::vector<token_id>(wide.begin(), wide.end());
}

inline std::vector<std::filesystem::path> cases() {
    std::vector<std::filesystem::path> folders;
    for (const auto& entry : std::filesystem::directory_iterator(SSM_SOURCE_DIR "/tests/golden"))
        if (std::filesystem::exists(entry.path() / "golden.safetensors")) folders.push_back(entry.path());
    std::sort(folders.begin(), folders.end());
    return folders;
}

inline std::size_t likeliest(const std::vector<float>& logits) {
    return static_cast<std::size_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

/// The state's rows of all layers, (rows, channels) in each, in the order of the stored tensor, (layers, channels, rows).
template <class Backend>
std::vector<float> in_golden_order(const Backend& device, const std::vector<matrix_view<float>>& layers) {
    std::vector<float> values;
    for (const auto& layer : layers) {
        const std::vector<float> rows = device.download(layer);
        for (index ch = 0; ch < layer.columns(); ++ch)
            for (index row = 0; row < layer.rows(); ++row)
                values.push_back(rows[static_cast<std::size_t>(row * layer.columns() + ch)]);
    }
    return values;
}

template <class Model>
void check_golden(const typename Model::backend& device, const golden_bounds& bounds, const hf_checkpoint& checkpoint,
                  const safetensors_file& golden) {
    const auto model = load<Model>(checkpoint, device);
    const index vocab = model.config().vocab;
    const std::vector<token_id> prompt = ids_of(golden, "input_ids");
    const auto tokens = static_cast<index>(prompt.size());
    auto state = model.start_state();
    auto scratch = model.make_workspace(tokens);
    auto memory = device.template allocate<float>(tokens * vocab, "logits");
    const matrix_view<float> logits(memory.data(), tokens, vocab);
    model.forward(prompt, state, scratch, logits);

    std::vector<float> rows;
    for (const std::int64_t row : values_of<std::int64_t>(golden, "logit_rows")) {
        const std::vector<float> values = device.download(logits.rows(row, 1));
        rows.insert(rows.end(), values.begin(), values.end());
    }
    CHECK(relative_error(rows, values_of<float>(golden, "logits")) < bounds.logits);

    std::vector<matrix_view<float>> windows, states;
    for (index i = 0; i < model.config().layers; ++i) {
        windows.push_back(state.layer(i).window);
        states.push_back(state.layer(i).h);
    }
    CHECK(relative_error(in_golden_order(device, windows), values_of<float>(golden, "conv_state")) < bounds.states);
    CHECK(relative_error(in_golden_order(device, states), values_of<float>(golden, "ssm_state")) < bounds.states);

    const matrix_view<float> last = logits.rows(tokens - 1, 1);
    const std::vector<token_id> greedy = ids_of(golden, "greedy_ids");
    const std::vector<float> margins = values_of<float>(golden, "greedy_margin");
    for (std::size_t i = 0; i < greedy.size(); ++i) {
        CAPTURE(i, margins[i]);
        if (margins[i] > bounds.decided_margin)
            CHECK(likeliest(device.download(last)) == static_cast<std::size_t>(greedy[i]));
        model.forward(std::span(&greedy[i], 1), state, scratch, last);
    }
}

/// Mamba-2 whose scan is made of products.
struct dual_mamba2_arch : mamba2_arch {
    using scan = state_space_dual;
};

/// Every checkpoint whose name ends so.
template <class Backend>
void check_goldens(const Backend& device, const golden_bounds& of_backend, std::string_view ending = "") {
    std::size_t checked = 0;
    for (const std::filesystem::path& folder : cases()) {
        const std::string name = folder.filename().string();
        if (name.size() < ending.size() || name.substr(name.size() - ending.size()) != ending) continue;
        CAPTURE(name);
        ++checked;
        const auto checkpoint = hf_checkpoint::open(folder);
        const auto golden = safetensors_file::open(folder / "golden.safetensors");
        golden_bounds bounds = of_backend;
        if (folder.filename() == "mamba2-large-dt") bounds.logits = of_backend.large_dt_logits;
        const std::string& type = checkpoint.config().model_type;
        if (type == falcon_mamba_arch::model_type) {
            check_golden<falcon_mamba<Backend>>(device, bounds, checkpoint, golden);
        } else if (type == mamba2_arch::model_type) {
            check_golden<mamba2<Backend>>(device, bounds, checkpoint, golden);
            // In f16 its kernel is the one of bf16 with another widening, which the conformance tests have.
            if constexpr (!std::is_same_v<typename Backend::activation, f16>)
                check_golden<model<Backend, dual_mamba2_arch>>(device, bounds, checkpoint, golden);
        } else {
            check_golden<mamba<Backend>>(device, bounds, checkpoint, golden);
        }
    }
    CHECK(checked >= (ending.empty() ? 60U : 4U));
}

}  // namespace ssm::test
