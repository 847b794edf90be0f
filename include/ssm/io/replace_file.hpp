// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/error.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <utility>

namespace ssm {

/// Writes all of `bytes` to an open descriptor; `path` is for messages. Throws io_error with the system's reason, such
/// as a full disk.
inline void write_all(int descriptor, std::span<const std::byte> bytes, const std::filesystem::path& path) {
    constexpr std::size_t block = std::size_t{64} << 20;
    for (std::size_t done = 0; done < bytes.size();) {
        const ssize_t count = ::write(descriptor, bytes.data() + done, std::min(block, bytes.size() - done));
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0)
            throw io_error({path.string(),
                            std::string("cannot be written: ") + std::strerror(errno),
                            std::to_string(done) + " bytes written",
                            std::to_string(bytes.size()) + " bytes",
                            {}});
        done += static_cast<std::size_t>(count);
    }
}

/// A new file beside the one it is to replace: it takes that one's name at `commit`, and is deleted without.
class replacement_file {
public:
    /// Throws io_error when the folder takes no new file, and for a `path` that is no regular file.
    explicit replacement_file(const std::filesystem::path& path) : path_(target_of(path)) {
        static std::atomic<unsigned> counter{0};
        do {
            part_ = path_;
            part_ += ".part-" + std::to_string(::getpid()) + "-" + std::to_string(counter++);
            descriptor_ = ::open(part_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        } while (descriptor_ < 0 && errno == EEXIST);
        if (descriptor_ < 0) fail(part_, "cannot be created");
    }
    ~replacement_file() {
        if (descriptor_ >= 0) ::close(descriptor_);
        if (!committed_) ::unlink(part_.c_str());
    }
    replacement_file(const replacement_file&) = delete;
    replacement_file& operator=(const replacement_file&) = delete;

    void write(std::span<const std::byte> bytes) { write_all(descriptor_, bytes, path_); }

    /// Brings the bytes to the disk and gives them the name, in this order: whoever opens the file, even after a crash,
    /// finds the old one whole or the new one whole. Throws io_error.
    void commit() {
        if (::fsync(descriptor_) != 0) fail(path_, "cannot be brought to the disk");
        // Some file systems tell of a full disk only here.
        if (::close(std::exchange(descriptor_, -1)) != 0) fail(path_, "cannot be closed");
        if (::rename(part_.c_str(), path_.c_str()) != 0) fail(path_, "cannot be replaced");
        committed_ = true;
        sync_folder();
    }

private:
    [[noreturn]] static void fail(const std::filesystem::path& path, const char* what) {
        throw io_error({path.string(), std::string(what) + ": " + std::strerror(errno), {}, {}, {}});
    }

    /// A link stays one: the file that it names is replaced. A device or a folder is not.
    static std::filesystem::path target_of(const std::filesystem::path& path) {
        std::error_code absent;
        const std::filesystem::path target = std::filesystem::canonical(path, absent);
        if (absent) return path;
        struct stat status = {};
        if (::stat(target.c_str(), &status) != 0) fail(target, "cannot be examined");
        if (!S_ISREG(status.st_mode))
            throw io_error(
                {path.string(), {}, S_ISDIR(status.st_mode) ? "a folder" : "a special file", "a file or none", {}});
        return target;
    }

    /// The new name is on the disk once its folder is. Some file systems cannot sync a folder; the rename then is as
    /// safe as they make it.
    void sync_folder() const {
        const std::filesystem::path folder = path_.has_parent_path() ? path_.parent_path() : ".";
        const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (descriptor < 0) return;
        const bool failed = ::fsync(descriptor) != 0 && errno != EINVAL && errno != EROFS;
        const int why = errno;
        ::close(descriptor);
        errno = why;
        if (failed) fail(folder, "cannot be brought to the disk");
    }

    std::filesystem::path path_;
    std::filesystem::path part_;
    int descriptor_ = -1;
    bool committed_ = false;
};

/// Makes `bytes` the contents of a file, all or nothing: on an error, and after a kill or a crash at any moment, the file
/// is as it was or as it should be. A kill may leave a `<name>.part-...` beside it. Throws io_error.
inline void replace_file(const std::filesystem::path& path, std::span<const std::byte> bytes) {
    replacement_file file(path);
    file.write(bytes);
    file.commit();
}

}  // namespace ssm
