// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

#include <ssm/io/file.hpp>

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "io/sample_files.hpp"
#include "support/catch.hpp"

namespace file_test {

using namespace ssm::test;

TEST_CASE("a mapped file and a read file have the same bytes") {
    const temporary_folder folder;
    for (const std::size_t size : {0U, 1U, 4096U, 4097U}) {
        std::string text(size, 'x');
        for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 31 % 251);
        const auto path = folder.write("f", text);
        const auto mapped = ssm::open_file(path, ssm::access::map);
        const auto read = ssm::open_file(path, ssm::access::read);
        CHECK(mapped.bytes.size() == size);
        CHECK(std::equal(mapped.bytes.begin(), mapped.bytes.end(), read.bytes.begin(), read.bytes.end()));
        CHECK(ssm::read_text_file(path) == text);
    }
}

TEST_CASE("the pages around a part are let go of with it, those outside its file never") {
    // Anonymous memory, which does not come back: what was let go of is zero.
    constexpr std::size_t around = 2 << 20, size = 6 * around;
    void* const start = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(start != MAP_FAILED);
    const auto first = static_cast<std::size_t>(-reinterpret_cast<std::uintptr_t>(start) % around);
    const std::span<std::byte> memory(static_cast<std::byte*>(start) + first, size - around);
    const std::size_t page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    const std::span<std::byte> file = memory.subspan(around + page, 3 * around - page / 2);
    // Bytes [begin, end) of memory are zero, and the others not, once a part of the file was let go of.
    const auto goes = [&](std::size_t begin, std::size_t length) {
        std::fill(memory.begin(), memory.end(), std::byte{7});
        ssm::let_go_of_pages(file.subspan(begin, length), file);
        const auto zero = std::find(memory.begin(), memory.end(), std::byte{0});
        const auto left = std::find(zero, memory.end(), std::byte{7});
        CHECK(std::all_of(left, memory.end(), [](std::byte b) { return b == std::byte{7}; }));
        return std::pair(zero - memory.begin(), left - memory.begin());
    };
    using range = std::pair<std::ptrdiff_t, std::ptrdiff_t>;
    const auto at = [](std::size_t bytes) { return static_cast<std::ptrdiff_t>(bytes); };
    CHECK(goes(around, 5) == range(at(2 * around), at(3 * around)));
    CHECK(goes(0, 5) == range(at(around + page), at(2 * around)));
    CHECK(goes(file.size() - 1, 1) == range(at(4 * around), at(4 * around + page)));
    ::munmap(start, size);
}

TEST_CASE("a mapped file stays readable when its name is gone") {
    const temporary_folder folder;
    const auto path = folder.write("f", "kept");
    const auto mapped = ssm::open_file(path);
    std::filesystem::remove(path);
    CHECK(std::to_integer<char>(mapped.bytes[3]) == 't');
}

TEST_CASE("what cannot be opened as a file is refused by name") {
    const temporary_folder folder;
    check_refused<ssm::io_error>([&] { (void)ssm::open_file(folder.path() / "none"); },
                                 {(folder.path() / "none").string() + ": ", "cannot be opened", "No such file"});
    check_refused<ssm::io_error>([&] { (void)ssm::open_file(folder.path()); },
                                 {folder.path().string() + ": found a folder", "expected a file"});
    const auto pipe = folder.path() / "pipe";
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    check_refused<ssm::io_error>([&] { (void)ssm::open_file(pipe); },
                                 {"pipe: found a special file", "expected a file"});
}

TEST_CASE("reading tells its progress and stops when told") {
    const temporary_folder folder;
    const std::string text((std::size_t{16} << 20) + 5, 'x');
    const auto path = folder.write("f", text);
    std::vector<std::pair<ssm::index, ssm::index>> told;
    const auto note = [&](ssm::index done, ssm::index total) {
        told.emplace_back(done, total);
        return true;
    };
    (void)ssm::open_file(path, ssm::access::read, note);
    const auto all = static_cast<ssm::index>(text.size());
    REQUIRE(told.size() >= 2);
    CHECK(std::is_sorted(told.begin(), told.end()));
    CHECK(told.back() == std::pair(all, all));

    ssm::index calls = 0;
    const auto stop = [&](ssm::index, ssm::index) { return ++calls < 1; };
    check_refused<ssm::cancelled>([&] { (void)ssm::open_file(path, ssm::access::read, stop); },
                                  {path.string() + ": ", "stopped by the progress callback"});
    CHECK(calls == 1);
}

TEST_CASE("a Git LFS pointer in place of a text file is refused") {
    const temporary_folder folder;
    const auto path = folder.write("config.json", "version https://git-lfs.github.com/spec/v1\n");
    check_refused<ssm::format_error>([&] { (void)ssm::read_text_file(path); },
                                     {path.string() + ": found a Git LFS pointer", "git lfs pull"});
}

}  // namespace file_test
