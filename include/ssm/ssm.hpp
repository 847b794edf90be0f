// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// The core of the library, which needs the standard library only: reference math, policies, the backend contract, models
/// and text generation. A backend, checkpoints and the tokenizer are asked for by name:
///
///     #include <ssm/backend/cpu/cpu.hpp>    // ssm::cpu, links threads
///     #include <ssm/io/checkpoint.hpp>      // ssm::hf_checkpoint, needs nlohmann_json
///     #include <ssm/text/tokenizer.hpp>     // ssm::tokenizer, needs PCRE2

#include <ssm/backend/concepts.hpp>
#include <ssm/core/dtype.hpp>
#include <ssm/core/error.hpp>
#include <ssm/core/model_config.hpp>
#include <ssm/core/tensor.hpp>
#include <ssm/core/view.hpp>
#include <ssm/generate/batch.hpp>
#include <ssm/generate/captured_session.hpp>
#include <ssm/generate/enqueued_session.hpp>
#include <ssm/generate/generate.hpp>
#include <ssm/generate/prefix_cache.hpp>
#include <ssm/generate/snapshot.hpp>
#include <ssm/generate/speculative.hpp>
#include <ssm/math.hpp>
#include <ssm/model/falcon_mamba.hpp>
#include <ssm/model/hybrid.hpp>
#include <ssm/model/load.hpp>
#include <ssm/model/mamba.hpp>
#include <ssm/model/mamba2.hpp>
#include <ssm/model/memory_plan.hpp>
#include <ssm/policy/conv_state.hpp>
#include <ssm/policy/execution.hpp>
#include <ssm/policy/norm.hpp>
#include <ssm/policy/prefill.hpp>
#include <ssm/policy/recurrence.hpp>
#include <ssm/policy/scan.hpp>
