// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace ssm {

/// The parts of an error message; empty parts are left out of the text.
struct error_report {
    std::string where;     ///< the file, or the function's argument
    std::string what;      ///< the tensor, field or option concerned
    std::string found;     ///< the value found
    std::string expected;  ///< the value expected
    std::string remedy;    ///< what the reader can do about it
};

/// Base of every exception this library throws on purpose.
/// The text reads "where: what: found F, expected E; remedy".
class error : public std::runtime_error {
public:
    explicit error(error_report report) : std::runtime_error(text_of(report)), report_(std::move(report)) {}

    [[nodiscard]] const error_report& report() const noexcept { return report_; }

private:
    static std::string text_of(const error_report& r) {
        std::string text = r.where;
        const auto append = [&text](const char* separator, const char* label, const std::string& part) {
            if (part.empty()) return;
            if (!text.empty()) text += separator;
            text += label + part;
        };
        append(": ", "", r.what);
        append(": ", "found ", r.found);
        append(", ", "expected ", r.expected);
        append("; ", "", r.remedy);
        return text;
    }

    error_report report_;
};

/// The operating system refused to open, read, map or write a file.
class io_error : public error {
    using error::error;
};

/// A file's bytes are not what its format promises.
class format_error : public error {
    using error::error;
};

/// A configuration field is missing, mistyped, out of range, or disagrees with the tensors.
class config_error : public error {
    using error::error;
};

/// A caller's argument is outside what the function accepts.
class argument_error : public error {
    using error::error;
};

/// Memory for weights, state or scratch could not be had; `found` states the bytes asked for.
class memory_error : public error {
    using error::error;
};

/// The GPU, its driver or one of its libraries refused; `what` names the call or the kernel.
class device_error : public error {
    using error::error;
};

/// The caller's own callback asked to stop.
class cancelled : public error {
    using error::error;
};

}  // namespace ssm
