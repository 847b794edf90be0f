// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/error.hpp>

#include <string>

namespace ssm::test {

/// What the error says by which `action` is refused, or "none" when it is not.
template <class Error = argument_error, class Action>
std::string refusal(Action&& action) {
    try {
        action();
    } catch (const Error& error) {
        return error.what();
    }
    return "none";
}

}  // namespace ssm::test
