// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/error.hpp>
#include <ssm/io/safetensors.hpp>

#include <stdlib.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "support/catch.hpp"

namespace ssm::test {

/// A safetensors file with this header and data; `length` is what its first eight bytes say.
inline std::string safetensors_of(const std::string& header, const std::string& data, std::uint64_t length) {
    std::string file;
    for (int shift = 0; shift < 64; shift += 8) file += static_cast<char>(length >> shift & 0xff);
    return file + header + data;
}
inline std::string safetensors_of(const std::string& header, const std::string& data = {}) {
    return safetensors_of(header, data, header.size());
}

/// The header entry of a tensor.
inline std::string entry_text(const std::string& name, const std::string& type, const std::string& shape,
                              const std::string& begin, const std::string& end) {
    return "\"" + name + "\":{\"dtype\":\"" + type + "\",\"shape\":" + shape + ",\"data_offsets\":[" + begin + "," +
           end + "]}";
}

/// One F32 tensor of two zeros.
inline std::string small_file(const std::string& name = "a") {
    return safetensors_of("{" + entry_text(name, "F32", "[2]", "0", "8") + "}", std::string(8, '\0'));
}

/// A copy in memory of exactly its size, so that a sanitizer sees every byte read past its end.
inline file_bytes in_memory(std::string_view text) {
    const std::shared_ptr<std::byte[]> copy(new std::byte[text.size()]);
    std::copy_n(reinterpret_cast<const std::byte*>(text.data()), text.size(), copy.get());
    return {{copy.get(), text.size()}, copy};
}

inline safetensors_file parse_safetensors(std::string_view text) {
    return safetensors_file::from_bytes(in_memory(text), "some.safetensors");
}

/// A new folder that is removed at the end of the scope.
class temporary_folder {
public:
    temporary_folder() {
        // mkdtemp puts others for the last six letters.
        std::string name = (std::filesystem::temp_directory_path() / "ssm-test-").string() + std::string(6, 'X');
        if (::mkdtemp(name.data()) == nullptr) throw std::system_error(errno, std::generic_category(), name);
        path_ = name;
    }
    ~temporary_folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    temporary_folder(const temporary_folder&) = delete;
    temporary_folder& operator=(const temporary_folder&) = delete;

    const std::filesystem::path& path() const { return path_; }
    /// Writes a file and the folders above it.
    std::filesystem::path write(const std::filesystem::path& name, std::string_view text) const {
        const auto file = path_ / name;
        std::filesystem::create_directories(file.parent_path());
        std::ofstream(file, std::ios::binary) << text;
        return file;
    }

private:
    std::filesystem::path path_;
};

/// Checks that a call throws exactly this error and that its text has all of these parts.
template <class Error, class Call>
void check_refused(const Call& call, const std::vector<std::string>& parts) {
    try {
        call();
    } catch (const Error& refusal) {
        const std::string text = refusal.what();
        for (const std::string& part : parts) {
            INFO("\"" << text << "\" should say \"" << part << "\"");
            CHECK(text.find(part) != std::string::npos);
        }
        return;
    }
    FAIL_CHECK("nothing was refused where the text should have been: " << (parts.empty() ? "" : parts.back()));
}

}  // namespace ssm::test
