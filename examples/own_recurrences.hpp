// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/policy/recurrence.hpp>

/// Mamba's recurrence with zero-order hold for B as for A, as equation 4 of its paper has it:
///
///     h <- exp(dt A) h + (exp(dt A) - 1) / A B x
template <class S, class Input = S>
struct held_selective : ssm::selective<S, Input> {
    SSM_HD ssm::affine<S> transition(ssm::index t, ssm::index ch, ssm::index n) const {
        const auto step = ssm::zero_order_hold(this->a(n, ch), S(this->b(t, n)), S(this->dt(t, ch)));
        return {step.a, step.b * S(this->x(t, ch))};
    }
};

/// Any recurrence over so many tokens backwards in time: its token 0 is the last.
template <class R>
struct backwards {
    using scalar = typename R::scalar;

    R forwards;
    ssm::index tokens;

    SSM_HD ssm::affine<scalar> transition(ssm::index t, ssm::index ch, ssm::index n) const {
        return forwards.transition(tokens - 1 - t, ch, n);
    }
    SSM_HD scalar readout(ssm::index t, ssm::index ch, ssm::index n) const {
        return forwards.readout(tokens - 1 - t, ch, n);
    }
    SSM_HD scalar skip(ssm::index t, ssm::index ch) const { return forwards.skip(tokens - 1 - t, ch); }
};
