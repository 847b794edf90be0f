// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
// expect: ssm: a stored element is float, ssm::bf16 or ssm::f16
#include <ssm/core/dtype.hpp>

ssm::dtype type = ssm::dtype_of<double>;
