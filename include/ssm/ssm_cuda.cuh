// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// Models, generation and the CUDA backend, for translation units that nvcc compiles.

#include <ssm/backend/cuda/cuda.cuh>
#include <ssm/backend/cuda/graph.cuh>
#include <ssm/ssm.hpp>
