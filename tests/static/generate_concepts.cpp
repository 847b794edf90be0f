// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/backend/cpu/cpu.hpp>
#include <ssm/generate/sampler.hpp>
#include <ssm/generate/session.hpp>
#include <ssm/ssm.hpp>

#include <span>
#include <string>

namespace models {

static_assert(ssm::language_model<ssm::falcon_mamba<ssm::cpu>>);
static_assert(ssm::language_model<ssm::mamba<ssm::cpu>>);
static_assert(!ssm::language_model<ssm::cpu>);

/// Each of these differs from a model in one thing.
using complete = ssm::mamba<ssm::cpu>;

struct without_prefill : complete {
    struct arch {};
};
static_assert(!ssm::language_model<without_prefill>);

struct without_device : complete {
    const ssm::cpu& device() const = delete;
};
static_assert(!ssm::language_model<without_device>);

struct starting_as_nothing : complete {
    void start_state() const;
};
static_assert(!ssm::language_model<starting_as_nothing>);

struct without_workspace_bytes : complete {
    static ssm::index workspace_bytes(const ssm::model_config& config, ssm::index tokens) = delete;
};
static_assert(!ssm::language_model<without_workspace_bytes>);

struct forward_of_text : complete {
    void forward(const std::string& text, state_type& state) const;
};
static_assert(!ssm::language_model<forward_of_text>);

struct not_copyable : complete {
    not_copyable(const not_copyable&) = delete;
};
static_assert(!ssm::language_model<not_copyable>);

}  // namespace models

namespace choosers {

using ssm::token_id;

static_assert(ssm::token_chooser<ssm::sampler>);
static_assert(ssm::token_chooser<token_id (*)(std::span<const float>)>);
static_assert(!ssm::token_chooser<token_id>);
static_assert(!ssm::token_chooser<token_id (*)()>);
static_assert(!ssm::token_chooser<std::string (*)(std::span<const float>)>);
static_assert(!ssm::token_chooser<token_id (*)(std::span<float>)>);  // logits are not for changing

}  // namespace choosers
