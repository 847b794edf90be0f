// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/model_config.hpp>
#include <ssm/core/view.hpp>
#include <ssm/policy/prefill.hpp>

#include <algorithm>
#include <memory>
#include <span>
#include <vector>

namespace ssm::test {

/// The least that a session asks of a model. It counts: the most likely token is one more than the last, the
/// second two more. Its state is all it has read, and it keeps a list of its calls.
struct counting_model {
    struct backend {
        using activation = float;
        template <class T>
        using buffer = std::vector<T>;
        template <class T>
        std::vector<T> allocate(index count, const char*) const {
            return std::vector<T>(static_cast<std::size_t>(count));
        }
    };
    struct arch {
        using prefill = in_chunks;
    };
    struct state_type {
        std::vector<token_id> read;
        index position() const { return static_cast<index>(read.size()); }
        friend bool operator==(const state_type&, const state_type&) = default;
    };
    struct workspace_type {
        index tokens;
        index capacity() const { return tokens; }
        index bytes() const { return tokens * 100; }
    };
    struct call {
        index tokens;
        index logit_rows;
        friend bool operator==(const call&, const call&) = default;
    };

    explicit counting_model(index vocab) { config_->vocab = vocab; }

    const model_config& config() const { return *config_; }
    const backend& device() const { return *device_; }
    state_type start_state() const { return {}; }
    static index workspace_bytes(const model_config&, index tokens) { return tokens * 100; }
    workspace_type make_workspace(index tokens) const { return {tokens}; }
    void forward(std::span<const token_id> ids, state_type& state, workspace_type&, matrix_view<float> logits) const {
        state.read.insert(state.read.end(), ids.begin(), ids.end());
        calls->push_back({static_cast<index>(ids.size()), logits.rows()});
        if (logits.rows() == 0) return;
        std::fill(logits.data(), logits.data() + logits.size(), 0.0F);
        logits(logits.rows() - 1, (ids.back() + 2) % config_->vocab) = 9;
        logits(logits.rows() - 1, (ids.back() + 1) % config_->vocab) = 10;
    }

    std::shared_ptr<std::vector<call>> calls = std::make_shared<std::vector<call>>();

private:
    std::shared_ptr<model_config> config_ = std::make_shared<model_config>();
    std::shared_ptr<backend> device_ = std::make_shared<backend>();
};

}  // namespace ssm::test
