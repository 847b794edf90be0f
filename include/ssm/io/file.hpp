// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/dtype.hpp>
#include <ssm/core/error.hpp>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <functional>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace ssm {

/// How a file's bytes reach memory.
enum class access {
    map,  ///< mapped: loaded on first use, shared between processes. If another process truncates the file while it is
          ///< mapped, touching the lost part raises SIGBUS; use `read` where that can happen.
    read  ///< copied into memory at once
};

/// Told after each block how many of how many bytes are read; returning false stops with `cancelled`.
using read_progress = std::function<bool(index done, index total)>;

/// The bytes of a file, constant, for as long as a copy of `owner` lives.
struct file_bytes {
    std::span<const std::byte> bytes;
    std::shared_ptr<const void> owner;
    bool mapped = false;  ///< and not copied
};

/// Lets go of the memory behind a part of a mapped file, and of what the system mapped around it; the file is read again when
/// it is needed. Where a part begins or ends within them, the neighbours' pages go too. `file` is the whole mapping, which
/// begins with a page; `part` lies in it.
inline void let_go_of_pages(std::span<const std::byte> part, std::span<const std::byte> file) noexcept {
    // What Linux maps at once, when the file is in its cache: 64 KiB, and of late a piece of the cache, up to a huge page.
    constexpr std::uintptr_t around = std::uintptr_t{2} << 20;
    const auto first_of = [](std::span<const std::byte> of) { return reinterpret_cast<std::uintptr_t>(of.data()); };
    const auto round_up = [](std::uintptr_t address, std::uintptr_t to) { return (address + to - 1) / to * to; };
    const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    const std::uintptr_t first = std::max(first_of(part) / around * around, first_of(file));
    const std::uintptr_t last =
        std::min(round_up(first_of(part) + part.size(), around), round_up(first_of(file) + file.size(), page));
    // A hint: where it is refused, the pages stay.
    if (first < last) (void)::madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
}

/// An open file descriptor that closes itself.
class file_descriptor {
public:
    /// Opens a regular file for reading. Throws io_error. O_NONBLOCK, for a pipe would wait for a writer.
    explicit file_descriptor(const std::filesystem::path& path)
        : path_(path), descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
        if (descriptor_ < 0) fail("cannot be opened");
        struct stat status = {};
        if (::fstat(descriptor_, &status) != 0) {
            const int why = errno;
            ::close(descriptor_);
            errno = why;
            fail("cannot be examined");
        }
        if (!S_ISREG(status.st_mode)) {
            ::close(descriptor_);
            throw io_error({path.string(), {}, S_ISDIR(status.st_mode) ? "a folder" : "a special file", "a file", {}});
        }
        size_ = static_cast<std::size_t>(status.st_size);
    }
    ~file_descriptor() { ::close(descriptor_); }
    file_descriptor(const file_descriptor&) = delete;
    file_descriptor& operator=(const file_descriptor&) = delete;

    [[nodiscard]] int get() const noexcept { return descriptor_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    /// Throws io_error with the system's reason.
    [[noreturn]] void fail(const char* what) const {
        throw io_error({path_.string(), std::string(what) + ": " + std::strerror(errno), {}, {}, {}});
    }

private:
    std::filesystem::path path_;
    int descriptor_;
    std::size_t size_ = 0;
};

/// Opens a file whole. Throws io_error when the system refuses, memory_error, and `cancelled` when `progress` says so.
[[nodiscard]] inline file_bytes open_file(const std::filesystem::path& path, access how = access::map,
                                          const read_progress& progress = nullptr) {
    const file_descriptor file(path);
    const std::size_t size = file.size();
    if (size == 0) return {};
    if (how == access::map) {
        void* const start = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
        if (start == MAP_FAILED) file.fail("cannot be mapped");
        std::shared_ptr<const void> owner(start,
                                          [size](const void* mapped) { ::munmap(const_cast<void*>(mapped), size); });
        return {{static_cast<const std::byte*>(start), size}, std::move(owner), true};
    }

    std::shared_ptr<std::byte[]> copy;
    try {
        copy = std::shared_ptr<std::byte[]>(new std::byte[size]);
    } catch (const std::bad_alloc&) {
        throw memory_error({path.string(),
                            {},
                            std::to_string(size) + " bytes",
                            {},
                            "out of memory; map the file instead of reading it"});
    }
    constexpr std::size_t block = std::size_t{16} << 20;
    for (std::size_t done = 0; done < size;) {
        const ssize_t count = ::read(file.get(), copy.get() + done, std::min(block, size - done));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) file.fail("cannot be read");
        if (count == 0)
            throw io_error({path.string(),
                            {},
                            std::to_string(done) + " bytes",
                            std::to_string(size) + " bytes",
                            "the file shrank while it was read"});
        done += static_cast<std::size_t>(count);
        if (progress && !progress(static_cast<index>(done), static_cast<index>(size)))
            throw cancelled({path.string(), {}, "reading stopped by the progress callback", {}, {}});
    }
    return {{copy.get(), size}, std::move(copy)};
}

/// Throws format_error when `bytes` are the text that Git LFS leaves in place of a file it has not fetched.
inline void refuse_lfs_pointer(std::span<const std::byte> bytes, const std::filesystem::path& path) {
    constexpr std::string_view mark = "version https://git-lfs";
    if (bytes.size() >= mark.size() && std::memcmp(bytes.data(), mark.data(), mark.size()) == 0)
        throw format_error({path.string(),
                            {},
                            "a Git LFS pointer",
                            "the file itself",
                            "run `git lfs pull` in the checkpoint's folder"});
}

/// A text file whole. Throws io_error, and format_error for a Git LFS pointer in place of the file.
[[nodiscard]] inline std::string read_text_file(const std::filesystem::path& path) {
    const file_bytes file = open_file(path, access::read);
    refuse_lfs_pointer(file.bytes, path);
    return std::string(reinterpret_cast<const char*>(file.bytes.data()), file.bytes.size());
}

}  // namespace ssm
