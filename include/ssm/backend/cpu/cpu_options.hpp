// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cpu/instruction_set.hpp>

namespace ssm {

/// What a CPU device is made of.
struct cpu_options {
    int threads = 1;  ///< that share each operation, the calling one included; 1 to 1024
    /// What the kernels of the products may use.
    instruction_set instructions = best_instruction_set();
    /// Lets products with bf16 weights round their inputs to bf16 as well, to nearest, on machines that multiply pairs of
    /// bf16 faster than floats: up to twice the speed in prompts, at an error of 2^-9 an input. Products are as exact as
    /// ever elsewhere.
    bool narrow_inputs = false;
};

}  // namespace ssm
