// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/dtype.hpp>
#include <ssm/core/error.hpp>

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

namespace ssm::tools {

/// Writes to standard output without delay. Throws io_error when that fails: a full disk, a reader that went away.
inline void write_output(std::string_view text) {
    if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) return;
    throw io_error({"standard output", std::strerror(errno), {}, {}, "what was written is not complete"});
}

/// "14.6 GB", for reports.
[[nodiscard]] inline std::string bytes_text(double bytes) {
    static constexpr const char* units[] = {"B", "kB", "MB", "GB", "TB"};
    std::size_t unit = 0;
    for (; bytes >= 1000 && unit + 1 < std::size(units); ++unit) bytes /= 1000;
    char text[32];
    std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
    return text;
}

/// The most memory this process has had at once (VmHWM), in bytes; mapped files count where they were touched.
[[nodiscard]] inline double peak_memory() {
    struct rusage usage {};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<double>(usage.ru_maxrss) * 1024;
}

/// One line on standard error that shows how far something has come and goes away in the end; nothing at all where
/// standard error is not a terminal.
class progress_bar {
public:
    progress_bar(bool wanted, std::string label)
        : shown_(wanted && isatty(STDERR_FILENO) != 0), label_(std::move(label)) {}
    ~progress_bar() {
        if (percent_ >= 0) std::fputs("\r\033[K", stderr);
    }
    progress_bar(const progress_bar&) = delete;
    progress_bar& operator=(const progress_bar&) = delete;

    void show(index done, index total) {
        const int percent =
            total > 0 ? static_cast<int>(100.0 * static_cast<double>(done) / static_cast<double>(total)) : 100;
        if (!shown_ || percent == percent_) return;
        percent_ = percent;
        std::string bar(40, ' ');
        std::fill_n(bar.begin(), percent * 40 / 100, '#');
        std::fprintf(stderr, "\r%s [%s] %3d%%", label_.c_str(), bar.c_str(), percent);
    }

private:
    bool shown_;
    std::string label_;
    int percent_ = -1;
};

}  // namespace ssm::tools
