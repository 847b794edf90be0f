// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
// expect: ssm: model's first parameter is a backend: see backend/concepts.hpp for what it owes
#include <ssm/backend/cpu/cpu.hpp>
#include <ssm/ssm.hpp>

using swapped = ssm::model<ssm::mamba_arch, ssm::cpu>;

const ssm::model_config& config(const swapped& model) { return model.config(); }
