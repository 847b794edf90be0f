// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/error.hpp>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>

#include "interrupt.hpp"

namespace ssm::tools {

/// What main returns: what `run()` does, which parses the command line and does what it says; 2 for a command line that
/// cannot be read; `interrupted_status` after an interrupt; 1, and one line on standard error, for any other error.
template <class Run>
[[nodiscard]] int exit_status(const CLI::App& app, const Run& run) {
    try {
        return run();
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 2;  // 0: it asked for help
    } catch (const cancelled&) {
        return interrupted_status;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s: %s\n", app.get_name().c_str(), error.what());
        return 1;
    }
}

}  // namespace ssm::tools
