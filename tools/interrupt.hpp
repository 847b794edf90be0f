// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <csignal>

namespace ssm::tools {

/// Exit status of a program that an interrupt ended, by the custom of shells.
inline constexpr int interrupted_status = 128 + SIGINT;

inline volatile std::sig_atomic_t interrupt_flag = 0;

/// From now on the first Ctrl-C only asks to stop, and a second one ends the program; a reader of the output that went
/// away shows as a failed write.
inline void catch_interrupts() {
    struct sigaction action {};
    action.sa_handler = [](int) { interrupt_flag = 1; };
    action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
    sigaction(SIGINT, &action, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
}

[[nodiscard]] inline bool interrupted() { return interrupt_flag != 0; }

}  // namespace ssm::tools
