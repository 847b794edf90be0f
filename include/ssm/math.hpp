// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// The reference mathematics: plain loops over views, standard library only, any scalar. With the stock recurrences, which
/// say what `math::selective_scan` computes. docs/math.md has the equations.

#include <ssm/math/activation.hpp>
#include <ssm/math/affine.hpp>
#include <ssm/math/causal_conv.hpp>
#include <ssm/math/multiply.hpp>
#include <ssm/math/rms_norm.hpp>
#include <ssm/math/selective_scan.hpp>
#include <ssm/math/state_space_dual.hpp>
#include <ssm/policy/recurrence.hpp>
