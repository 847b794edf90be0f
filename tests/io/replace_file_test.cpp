// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/io/file.hpp>
#include <ssm/io/replace_file.hpp>

#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "support/catch.hpp"

namespace replace_file_test {

namespace {

namespace fs = std::filesystem;
using Catch::Contains;

std::vector<std::byte> filled(std::size_t size, int with) {
    return std::vector<std::byte>(size, static_cast<std::byte>(with));
}

/// A folder of its own for each test.
struct scratch_folder {
    scratch_folder() : path(fs::temp_directory_path() / ("ssm-replace-" + std::to_string(::getpid()))) {
        fs::remove_all(path);
        fs::create_directories(path);
    }
    ~scratch_folder() { fs::remove_all(path); }
    std::size_t files() const {
        return static_cast<std::size_t>(std::distance(fs::directory_iterator(path), fs::directory_iterator()));
    }
    fs::path path;
};

bool holds(const fs::path& path, const std::vector<std::byte>& bytes) {
    const auto file = ssm::open_file(path, ssm::access::read);
    return std::equal(file.bytes.begin(), file.bytes.end(), bytes.begin(), bytes.end());
}

/// What `body` returns in a process of its own.
template <class Body>
int in_child(Body body) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(body());
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

TEST_CASE("A file is made and replaced, through links, with nothing left beside it") {
    const scratch_folder folder;
    const fs::path file = folder.path / "state";
    ssm::replace_file(file, filled(1000, 1));
    CHECK(holds(file, filled(1000, 1)));
    ssm::replace_file(file, filled(10, 2));
    CHECK(holds(file, filled(10, 2)));
    ssm::replace_file(file, {});
    CHECK(fs::file_size(file) == 0);
    CHECK(folder.files() == 1);

    fs::create_symlink("state", folder.path / "link");
    ssm::replace_file(folder.path / "link", filled(5, 3));
    CHECK(fs::is_symlink(folder.path / "link"));
    CHECK(holds(file, filled(5, 3)));
}

TEST_CASE("What cannot be replaced is refused, and stays") {
    const scratch_folder folder;
    CHECK_THROWS_WITH(ssm::replace_file(folder.path, filled(5, 3)), Contains("found a folder, expected a file"));
    CHECK_THROWS_WITH(ssm::replace_file("/dev/full", filled(5, 3)), Contains("/dev/full: found a special file"));
    CHECK(fs::is_character_file("/dev/full"));
    CHECK_THROWS_WITH(ssm::replace_file(folder.path / "no" / "state", filled(5, 3)),
                      Contains("cannot be created: No such file"));
    CHECK_THROWS_AS(ssm::replace_file(folder.path / std::string(300, 'x'), filled(5, 3)), ssm::io_error);

    const fs::path file = folder.path / "state";
    ssm::replace_file(file, filled(10, 1));
    {
        ssm::replacement_file abandoned(file);
        abandoned.write(filled(20, 2));
        CHECK(folder.files() == 2);
    }
    CHECK(holds(file, filled(10, 1)));
    CHECK(folder.files() == 1);
}

TEST_CASE("A full disk is an error that leaves the old file whole") {
    const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
    REQUIRE(full >= 0);
    CHECK_THROWS_WITH(ssm::write_all(full, filled(100, 1), "/dev/full"),
                      Contains("/dev/full: cannot be written: No space left on device: found 0 bytes written, expected "
                               "100 bytes"));
    ::close(full);

    const scratch_folder folder;
    const fs::path file = folder.path / "state";
    ssm::replace_file(file, filled(1000, 1));
    const int status = in_child([&] {
        ::signal(SIGXFSZ, SIG_IGN);
        const rlimit limit{8192, 8192};
        ::setrlimit(RLIMIT_FSIZE, &limit);
        try {
            ssm::replace_file(file, filled(20'000, 2));
        } catch (const ssm::io_error& error) {
            return std::string(error.what()).find("found 8192 bytes written, expected 20000 bytes") != std::string::npos
                       ? 0
                       : 1;
        }
        return 2;
    });
    CHECK(status == 0);
    CHECK(holds(file, filled(1000, 1)));
    CHECK(folder.files() == 1);
}

TEST_CASE("A writer that is killed leaves the old file or the new one") {
    const scratch_folder folder;
    const fs::path file = folder.path / "state";
    const auto old_bytes = filled(100'000, 1);
    const auto new_bytes = filled(150'000, 2);
    ssm::replace_file(file, old_bytes);
    std::mt19937 random(1);
    int torn = 0, replaced = 0;
    for (int kill = 0; kill < 200; ++kill) {
        const pid_t child = ::fork();
        if (child == 0)
            for (int turn = 0;; ++turn) ssm::replace_file(file, turn % 2 == 0 ? new_bytes : old_bytes);
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 3000));
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);
        const bool is_new = holds(file, new_bytes);
        replaced += is_new;
        torn += !is_new && !holds(file, old_bytes);
    }
    CHECK(torn == 0);
    CHECK(replaced > 0);  // the kills did not all come before the first rename
}

}  // namespace replace_file_test
