// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>

namespace ssm {

/// \file
/// What a backend promises about rounding when the same tokens come in other calls. A backend names one of these as its
/// `execution`; one that names none promises what `quickest` does.

/// A token's bits do not depend on the tokens and sequences that are computed with it, nor on threads.
struct invariant {};

/// What is quickest for the number of rows at hand: equal calls give equal bits, other calls equal values within rounding.
struct quickest {};

/// A backend, or what multiplies for it, that names `invariant`.
template <class B>
concept executes_invariantly = std::same_as<typename B::execution, invariant>;

}  // namespace ssm
