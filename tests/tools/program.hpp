// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

/// \file
/// Runs a program as a shell would, with files for its three streams.
namespace ssm::test {

/// How a program ended: its exit status, or 128 and the signal that ended it.
struct ending {
    int status = -1;
    std::string out;
    std::string err;
};

/// A file without a name, gone with the last descriptor.
class temporary_file {
public:
    explicit temporary_file(const std::string& content = {}) : file_(std::tmpfile()) {
        if (!file_) throw std::runtime_error("no temporary file");
        std::fwrite(content.data(), 1, content.size(), file_.get());
        std::rewind(file_.get());
    }
    [[nodiscard]] int descriptor() const { return fileno(file_.get()); }
    [[nodiscard]] std::size_t size() const {
        struct stat status {};
        fstat(descriptor(), &status);
        return static_cast<std::size_t>(status.st_size);
    }
    [[nodiscard]] std::string content() const {
        std::string text(size(), '\0');
        text.resize(static_cast<std::size_t>(pread(descriptor(), text.data(), text.size(), 0)));
        return text;
    }

private:
    struct closer {
        void operator()(std::FILE* file) const { std::fclose(file); }
    };
    std::unique_ptr<std::FILE, closer> file_;
};

/// A program under way.
class program {
public:
    /// `output` names a file to write to instead of the one that `wait` reads; `environment` adds to this program's.
    program(const std::string& path, const std::vector<std::string>& arguments, const std::string& input = {},
            const char* output = nullptr, std::vector<std::string> environment = {})
        : in_(input) {
        std::vector<std::string> words{path};
        words.insert(words.end(), arguments.begin(), arguments.end());
        std::vector<char*> pointers;
        for (std::string& word : words) pointers.push_back(word.data());
        pointers.push_back(nullptr);
        id_ = fork();
        if (id_ != 0) return;
        dup2(in_.descriptor(), STDIN_FILENO);
        dup2(output == nullptr ? out_.descriptor() : open(output, O_WRONLY), STDOUT_FILENO);
        dup2(err_.descriptor(), STDERR_FILENO);
        for (std::string& setting : environment) putenv(setting.data());
        execv(path.c_str(), pointers.data());
        _exit(127);
    }

    /// Sends an interrupt, as Ctrl-C does, once there is output.
    void interrupt_in_output() const {
        for (int wait = 0; wait < 6000 && out_.size() == 0; ++wait)
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        kill(id_, SIGINT);
    }

    [[nodiscard]] ending wait() const {
        int status = 0;
        waitpid(id_, &status, 0);
        return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), out_.content(), err_.content()};
    }

private:
    temporary_file in_, out_, err_;
    pid_t id_ = -1;
};

}  // namespace ssm::test
