// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/dtype.hpp>
#include <ssm/core/error.hpp>
#include <ssm/core/tensor.hpp>
#include <ssm/io/file.hpp>
#include <ssm/io/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace ssm {

/// A tensor as a safetensors file declares it.
struct safetensors_entry {
    std::string type;          ///< the format's own name: "F32", "BF16", "I64"...
    std::vector<index> shape;  ///< outermost dimension first
    index begin = 0;           ///< first byte in the data
    index end = 0;             ///< one past its last byte
};

/// One safetensors file: eight bytes of header length, a JSON header, the data. Checked whole when it is opened, as the
/// format's reference implementation does: the tensors fill the data in some order without overlap, hole or rest.
/// Tensors need not be aligned.
class safetensors_file {
public:
    /// Throws io_error, and format_error naming the file, the tensor, what was found and what is expected.
    static safetensors_file open(const std::filesystem::path& path, access how = access::map,
                                 const read_progress& progress = nullptr) {
        return safetensors_file(open_file(path, how, progress), path.string());
    }
    /// From bytes in memory; `source` names them in messages.
    static safetensors_file from_bytes(file_bytes file, const std::string& source) {
        return safetensors_file(std::move(file), source);
    }

    [[nodiscard]] const std::string& source() const noexcept { return source_; }
    [[nodiscard]] const std::map<std::string, safetensors_entry, std::less<>>& entries() const noexcept {
        return entries_;
    }
    [[nodiscard]] const std::map<std::string, std::string>& metadata() const noexcept { return metadata_; }

    /// The bytes of a declared tensor of any type; empty when there is none of this name.
    [[nodiscard]] std::span<const std::byte> bytes_of(std::string_view name) const {
        const auto found = entries_.find(name);
        if (found == entries_.end()) return {};
        const safetensors_entry& entry = found->second;
        return data_.subspan(static_cast<std::size_t>(entry.begin), static_cast<std::size_t>(entry.end - entry.begin));
    }

    /// A tensor as a weight, in place; nothing when there is none of this name. A quantized matrix is a tensor of bytes
    /// (rows, blocks, bytes of a block) whose dtype and columns are in the metadata: see `quantized_note`.
    /// Throws format_error when its type is none of F32, BF16, F16 and the metadata name it not, or name it wrongly.
    [[nodiscard]] std::optional<stored_tensor> find(std::string_view name) const {
        const auto found = entries_.find(name);
        if (found == entries_.end()) return std::nullopt;
        const safetensors_entry& entry = found->second;
        stored_tensor tensor{found->first, dtype::f32, entry.shape, bytes_of(name), file_.owner};
        if (file_.mapped)
            tensor.let_go = [file = file_.bytes](std::span<const std::byte> part) { let_go_of_pages(part, file); };
        if (const auto note = metadata_.find(std::string(quantized_note) + found->first); note != metadata_.end()) {
            read_quantized(entry, note->second, tensor);
            return tensor;
        }
        const auto type = weight_type(entry.type);
        if (!type)
            throw format_error({source_, "tensor " + found->first, "type " + entry.type, "F32, BF16 or F16",
                                "convert the checkpoint to one of these"});
        tensor.type = *type;
        return tensor;
    }

    /// What stands before a quantized matrix's name in the metadata; the value is its dtype and columns: "q8 4096".
    static constexpr std::string_view quantized_note = "ssm.quantized.";

private:
    safetensors_file(file_bytes file, std::string source) : source_(std::move(source)), file_(std::move(file)) {
        refuse_lfs_pointer(file_.bytes, source_);
        const std::string_view header = header_text();
        data_ = file_.bytes.subspan(8 + header.size());
        const json parsed = parse_json(header, source_);
        if (!parsed.is_object()) throw fault({}, text_of(parsed), "a JSON object as header");
        for (const auto& [name, value] : parsed.items()) {
            if (name == "__metadata__")
                read_metadata(value);
            else
                entries_.emplace(name, entry_of(name, value));
        }
        check_layout();
    }

    [[nodiscard]] format_error fault(const std::string& what, const std::string& found,
                                     const std::string& expected) const {
        return format_error({source_, what, found, expected, "the file is damaged or not safetensors; fetch it again"});
    }

    std::string_view header_text() const {
        constexpr std::uint64_t most = 100'000'000;  // the reference implementation's own limit
        const std::size_t size = file_.bytes.size();
        if (size < 8) throw fault({}, std::to_string(size) + " bytes", "at least 8 bytes of header length");
        std::uint64_t length = 0;
        for (std::size_t i = 8; i-- > 0;) length = length << 8 | std::to_integer<std::uint64_t>(file_.bytes[i]);
        if (length > most) throw fault("header length", std::to_string(length), "at most 100000000 bytes");
        if (length > size - 8)
            throw fault("header length", std::to_string(length),
                        "at most the " + std::to_string(size - 8) + " bytes that follow");
        const std::string_view text(reinterpret_cast<const char*>(file_.bytes.data()) + 8,
                                    static_cast<std::size_t>(length));
        if (!text.starts_with('{'))
            throw fault("header", text.empty() ? "nothing" : "a first byte other than '{'", "a JSON object");
        return text;
    }

    void read_metadata(const json& value) {
        if (!value.is_object()) throw fault("__metadata__", text_of(value), "an object of strings");
        for (const auto& [key, text] : value.items()) {
            if (!text.is_string()) throw fault("__metadata__: " + key, text_of(text), "a string");
            metadata_[key] = text.get<std::string>();
        }
    }

    safetensors_entry entry_of(const std::string& name, const json& value) const {
        const std::string what = "tensor " + name;
        const auto field = [&](const char* key) -> const json& {
            const auto found = value.find(key);
            if (found == value.end()) throw fault(what + ": " + key, "nothing", "a value");
            return *found;
        };
        if (!value.is_object()) throw fault(what, text_of(value), "an object with dtype, shape and data_offsets");
        safetensors_entry entry;
        if (!field("dtype").is_string()) throw fault(what + ": dtype", text_of(field("dtype")), "a string");
        entry.type = field("dtype").get<std::string>();
        if (!field("shape").is_array()) throw fault(what + ": shape", text_of(field("shape")), "an array");
        for (const json& extent : field("shape")) entry.shape.push_back(whole_number(what + ": shape", extent));
        const json& offsets = field("data_offsets");
        if (!offsets.is_array() || offsets.size() != 2)
            throw fault(what + ": data_offsets", text_of(offsets), "two numbers");
        entry.begin = whole_number(what + ": data_offsets", offsets[0]);
        entry.end = whole_number(what + ": data_offsets", offsets[1]);

        const auto available = static_cast<index>(data_.size());
        if (entry.begin > entry.end || entry.end > available)
            throw fault(what + ": data_offsets",
                        "[" + std::to_string(entry.begin) + ", " + std::to_string(entry.end) + "]",
                        "a range within the " + std::to_string(available) + " bytes of data");
        const index expected = byte_size(what, entry);
        if (entry.end - entry.begin != expected)
            throw fault(what, std::to_string(entry.end - entry.begin) + " bytes",
                        std::to_string(expected) + " bytes for shape " + shape_text(entry.shape) + " of " + entry.type);
        return entry;
    }

    index whole_number(const std::string& what, const json& value) const {
        if (!value.is_number_unsigned() ||
            value.get<std::uint64_t>() > static_cast<std::uint64_t>(std::numeric_limits<index>::max()))
            throw fault(what, text_of(value), "a whole number");
        return value.get<index>();
    }

    index byte_size(const std::string& what, const safetensors_entry& entry) const {
        const index element = element_size(entry.type);
        if (element == 0)
            throw fault(what + ": dtype", "\"" + entry.type + "\"",
                        "F64, F32, F16, BF16, I64, I32, I16, I8, U64, U32, U16, U8, BOOL, F8_E4M3 or F8_E5M2");
        index bytes = element;
        for (const index extent : entry.shape)
            if (__builtin_mul_overflow(bytes, extent, &bytes))
                throw fault(what + ": shape", shape_text(entry.shape), "a size that can be counted");
        return bytes;
    }

    /// The tensors in the order of their offsets follow each other from the first byte of the data to its last.
    void check_layout() const {
        std::vector<std::pair<const safetensors_entry*, const std::string*>> order;
        for (const auto& [name, entry] : entries_) order.emplace_back(&entry, &name);
        std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
            return std::pair(a.first->begin, a.first->end) < std::pair(b.first->begin, b.first->end);
        });
        index next = 0;
        for (const auto& [entry, name] : order) {
            if (entry->begin != next)
                throw fault("tensor " + *name, "data from byte " + std::to_string(entry->begin),
                            "data from byte " + std::to_string(next) +
                                (entry->begin < next ? ": tensors overlap" : ": tensors leave a hole"));
            next = entry->end;
        }
        if (next != static_cast<index>(data_.size()))
            throw fault({}, std::to_string(data_.size()) + " bytes of data",
                        std::to_string(next) + " bytes, the end of the last tensor");
    }

    /// Makes `tensor` the quantized matrix that the metadata speak of.
    void read_quantized(const safetensors_entry& entry, const std::string& note, stored_tensor& tensor) const {
        const std::string what = "tensor " + tensor.name;
        const bool is_q8 = note.starts_with("q8 ");
        index columns = 0;
        const char* const end = note.data() + note.size();
        const auto number = note.size() > 3 ? std::from_chars(note.data() + 3, end, columns) : std::from_chars_result{};
        if ((!is_q8 && !note.starts_with("q4 ")) || number.ptr != end || number.ec != std::errc() || columns < 0 ||
            columns > std::numeric_limits<index>::max() / 64)
            throw fault("__metadata__: " + std::string(quantized_note) + tensor.name, "\"" + note + "\"",
                        "q8 or q4, and the number of columns");
        tensor.type = is_q8 ? dtype::q8 : dtype::q4;
        const index block = row_bytes(tensor.type, 1);
        const std::vector<index> expected{entry.shape.empty() ? 0 : entry.shape[0], blocks_of(columns), block};
        if (entry.type != "U8" || entry.shape != expected)
            throw fault(what, entry.type + " of shape " + shape_text(entry.shape),
                        "U8 of shape " + shape_text(expected) + ", as its metadata say");
        tensor.shape = {entry.shape[0], columns};
    }

    static index element_size(std::string_view type) {
        constexpr std::pair<std::string_view, index> sizes[] = {
            {"F64", 8}, {"F32", 4}, {"F16", 2}, {"BF16", 2}, {"I64", 8},  {"I32", 4},     {"I16", 2},    {"I8", 1},
            {"U64", 8}, {"U32", 4}, {"U16", 2}, {"U8", 1},   {"BOOL", 1}, {"F8_E4M3", 1}, {"F8_E5M2", 1}};
        for (const auto& [name, size] : sizes)
            if (name == type) return size;
        return 0;
    }

    static std::optional<dtype> weight_type(std::string_view type) {
        if (type == "F32") return dtype::f32;
        if (type == "BF16") return dtype::bf16;
        if (type == "F16") return dtype::f16;
        return std::nullopt;
    }

    std::string source_;
    file_bytes file_;
    std::span<const std::byte> data_;
    std::map<std::string, safetensors_entry, std::less<>> entries_;
    std::map<std::string, std::string> metadata_;
};

}  // namespace ssm
