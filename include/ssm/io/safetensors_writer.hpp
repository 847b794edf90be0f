// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/error.hpp>
#include <ssm/core/quantized.hpp>
#include <ssm/core/tensor.hpp>
#include <ssm/io/json.hpp>
#include <ssm/io/safetensors.hpp>

#include <cassert>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace ssm {

/// A tensor that is to be written: what it will be, and a function that makes its bytes when their turn comes.
struct tensor_to_write {
    std::string name;
    dtype type = dtype::f32;
    std::vector<index> shape;  ///< of a quantized one (rows, columns)
    std::function<std::vector<std::byte>()> make;
};

namespace safetensors {

[[nodiscard]] inline const char* type_name(dtype type) noexcept {
    switch (type) {
        case dtype::f32: return "F32";
        case dtype::bf16: return "BF16";
        case dtype::f16: return "F16";
        case dtype::q8:
        case dtype::q4: break;
    }
    return "U8";
}

/// The shape in the file: of a quantized matrix (rows, blocks, bytes of a block).
[[nodiscard]] inline std::vector<index> stored_shape(const tensor_to_write& tensor) {
    if (!is_quantized(tensor.type)) return tensor.shape;
    return {tensor.shape[0], blocks_of(tensor.shape[1]), row_bytes(tensor.type, 1)};
}

[[nodiscard]] inline index bytes_of(const tensor_to_write& tensor) {
    const index rows = rows_of(tensor.shape);
    return rows * row_bytes(tensor.type, rows > 0 ? count_of(tensor.shape) / rows : 0);
}

/// The header, filled up with spaces so that the data begin at a multiple of 64.
[[nodiscard]] inline std::string header_of(std::span<const tensor_to_write> tensors,
                                           const std::map<std::string, std::string>& metadata) {
    json header = json::object();
    header["__metadata__"] = metadata;
    index begin = 0;
    for (const tensor_to_write& tensor : tensors) {
        const index end = begin + bytes_of(tensor);
        header[tensor.name] = {
            {"dtype", type_name(tensor.type)}, {"shape", stored_shape(tensor)}, {"data_offsets", {begin, end}}};
        if (is_quantized(tensor.type))
            header["__metadata__"][std::string(safetensors_file::quantized_note) + tensor.name] =
                std::string(name_of(tensor.type)) + " " + std::to_string(tensor.shape[1]);
        begin = end;
    }
    std::string text = header.dump();
    text.resize((text.size() + 8 + 63) / 64 * 64 - 8, ' ');
    return text;
}

}  // namespace safetensors

/// Writes tensors to a new safetensors file, one after the other, so that only one of them is in memory; the file has its
/// name when it is complete. `progress` is told the bytes written after each; returning false stops with `cancelled`.
/// Throws io_error.
inline void write_safetensors(const std::filesystem::path& path, std::span<const tensor_to_write> tensors,
                              const std::map<std::string, std::string>& metadata,
                              const std::function<bool(index done)>& progress = nullptr) {
    const std::string unfinished = path.string() + ".unfinished";
    const auto fail = [&](const std::string& what) {
        return io_error({unfinished, what + ": " + std::strerror(errno), {}, {}, {}});
    };
    struct closer {
        void operator()(std::FILE* file) const { std::fclose(file); }
    };
    std::unique_ptr<std::FILE, closer> file(std::fopen(unfinished.c_str(), "wb"));
    if (!file) throw fail("cannot be created");
    const auto remove_unfinished = [&] {
        std::error_code ignored;
        std::filesystem::remove(unfinished, ignored);
    };
    const auto write = [&](const void* bytes, std::size_t size) {
        if (size > 0 && std::fwrite(bytes, 1, size, file.get()) != size) throw fail("cannot be written");
    };
    try {
        const std::string header = safetensors::header_of(tensors, metadata);
        unsigned char length[8];
        for (int i = 0; i < 8; ++i) length[i] = static_cast<unsigned char>(std::uint64_t{header.size()} >> (8 * i));
        write(length, sizeof length);
        write(header.data(), header.size());
        index done = 0;
        for (const tensor_to_write& tensor : tensors) {
            const std::vector<std::byte> bytes = tensor.make();
            assert(static_cast<index>(bytes.size()) == safetensors::bytes_of(tensor));
            write(bytes.data(), bytes.size());
            done += static_cast<index>(bytes.size());
            if (progress && !progress(done))
                throw cancelled({path.string(), {}, "writing stopped by the progress callback", {}, {}});
        }
        if (std::fclose(file.release()) != 0) throw fail("cannot be written");
        std::filesystem::rename(unfinished, path);
    } catch (const std::filesystem::filesystem_error& error) {
        remove_unfinished();
        throw io_error({path.string(), error.code().message(), {}, {}, {}});
    } catch (...) {
        remove_unfinished();
        throw;
    }
}

}  // namespace ssm
