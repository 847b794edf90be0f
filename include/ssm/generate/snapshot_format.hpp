// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/dtype.hpp>
#include <ssm/core/error.hpp>
#include <ssm/core/hash.hpp>
#include <ssm/core/model_config.hpp>
#include <ssm/model/state_shape.hpp>
#include <ssm/model/tokens_read.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ssm {

/// \file
/// Snapshots as bytes, versions 1 and 2. All numbers are little-endian, floats are IEEE 754 binary32.
///
///     offset  bytes
///          0      8  "ssmstate"
///          8      4  version
///         12      4  length L of the model type
///         16      8  bytes in all
///         24      8  fingerprint of the model
///         32      8  position: tokens read
///         40      8  digest of their ids, FNV-1a of four bytes each, or 0
///         48      4  flags: 1 the digest is known, 2 a token is pending
///         52      4  the pending token, or 0
///         56      8  layers
///         64      8  window, K-1       (version 2: shapes P, which take turns from layer to layer)
///         72      8  states, N         (version 2: reserved, 0)
///         80      8  channels          (version 2: reserved, 0)
///         88      8  logits: the size of the vocabulary, or 0
///         96      3  dtypes of the state (0 f32), of the activations (0 f32, 1 bf16, 2 f16) and of the matrices (the
///                    same, 3 q8, 4 q4), a byte each
///         99      5  reserved, 0
///        104      L  the model type
///      104+L   32 P  version 2 only, for each shape: window, states, channels, channels of the convolution
///                    the state: for each layer the window, (K-1, channels of the convolution), oldest row first, and h,
///                    (N, channels)
///                    the logits
///                 8  FNV-1a of all bytes before
///
/// Version 1 is for layers of one shape whose convolution has the channels of h, and 2 for all others.
/// The dtypes of the activations and the matrices are for the reader's information: a state of one is good for another.

/// What a snapshot says beside its floats.
struct snapshot_fields {
    std::uint64_t fingerprint = 0;
    std::string model_type = {};
    tokens_read read = {};
    std::optional<token_id> pending = std::nullopt;
    index layers = 0;
    std::vector<layer_shape> shapes = {};  ///< take turns from layer to layer
    index logits = 0;
    dtype activation = dtype::f32;
    dtype matrices = dtype::f32;

    /// Of the format that says it.
    [[nodiscard]] std::uint64_t version() const noexcept {
        return shapes.size() == 1 && shapes[0].convolved == shapes[0].channels ? 1 : 2;
    }
};

/// A snapshot's bytes, taken apart; refers to them.
struct snapshot_parts {
    snapshot_fields fields;
    std::span<const std::byte> state_bytes;
    std::span<const std::byte> logit_bytes;

    [[nodiscard]] std::vector<float> state() const { return floats(state_bytes); }
    [[nodiscard]] std::vector<float> logits() const { return floats(logit_bytes); }

private:
    [[nodiscard]] static std::vector<float> floats(std::span<const std::byte> bytes);
};

namespace snapshot_format {

inline constexpr std::string_view magic = "ssmstate";
inline constexpr std::uint64_t latest_version = 2;
inline constexpr std::size_t header = 104;
inline constexpr std::size_t shape_size = 32;
inline constexpr std::size_t checksum = 8;

/// The number in some bytes, the lowest first.
[[nodiscard]] inline std::uint64_t number(std::span<const std::byte> bytes) noexcept {
    std::uint64_t value = 0;
    for (std::size_t i = bytes.size(); i-- > 0;) value = value << 8 | std::to_integer<std::uint64_t>(bytes[i]);
    return value;
}
[[nodiscard]] inline std::uint64_t number(std::span<const std::byte> bytes, std::size_t at, std::size_t size) noexcept {
    return number(bytes.subspan(at, size));
}

inline void put(std::vector<std::byte>& bytes, std::uint64_t value, int size) {
    for (int i = 0; i < size; ++i) bytes.push_back(static_cast<std::byte>(value >> (8 * i)));
}
inline void put(std::vector<std::byte>& bytes, std::span<const float> values) {
    if constexpr (std::endian::native == std::endian::little) {
        const auto stored = std::as_bytes(values);
        bytes.insert(bytes.end(), stored.begin(), stored.end());
    } else {
        for (const float value : values) put(bytes, __builtin_bit_cast(std::uint32_t, value), 4);
    }
}

/// a * b or a + b, or nothing when it is more than `most`.
[[nodiscard]] inline std::optional<std::uint64_t> product(std::optional<std::uint64_t> a, std::uint64_t b,
                                                          std::uint64_t most) noexcept {
    if (!a || (b != 0 && *a > most / b)) return std::nullopt;
    return *a * b;
}
[[nodiscard]] inline std::optional<std::uint64_t> sum(std::optional<std::uint64_t> a, std::optional<std::uint64_t> b,
                                                      std::uint64_t most) noexcept {
    if (!a || !b || *a > most || *b > most - *a) return std::nullopt;
    return *a + *b;
}

/// The shapes of a snapshot's layers, as stored; none when they do not fit in `room` bytes after the model type.
struct stored_shape {
    std::uint64_t window, states, channels, convolved;

    /// Floats of a layer.
    [[nodiscard]] std::optional<std::uint64_t> size(std::uint64_t most) const noexcept {
        return sum(product(window, convolved, most), product(states, channels, most), most);
    }
};
[[nodiscard]] inline std::vector<stored_shape> stored_shapes(std::span<const std::byte> bytes, std::uint64_t version,
                                                             std::uint64_t type_length, std::uint64_t room) {
    const auto field = [&](std::uint64_t at) { return number(bytes, at, 8); };
    if (version == 1) return {{field(64), field(72), field(80), field(80)}};
    const std::uint64_t count = field(64);
    if (type_length > room || count > (room - type_length) / shape_size) return {};
    std::vector<stored_shape> shapes;
    for (std::uint64_t i = 0; i < count; ++i) {
        const std::uint64_t at = header + type_length + i * shape_size;
        shapes.push_back({field(at), field(at + 8), field(at + 16), field(at + 24)});
    }
    return shapes;
}

/// Floats of all layers, or nothing when there are more than `most`.
[[nodiscard]] inline std::optional<std::uint64_t> state_size(std::uint64_t layers,
                                                             const std::vector<stored_shape>& shapes,
                                                             std::uint64_t most) noexcept {
    std::optional<std::uint64_t> floats = 0;
    for (std::uint64_t i = 0; i < shapes.size(); ++i) {
        const std::uint64_t alike = layers / shapes.size() + (layers % shapes.size() > i ? 1 : 0);
        floats = sum(floats, product(shapes[i].size(most), alike, most), most);
    }
    return floats;
}

}  // namespace snapshot_format

/// "0x" and 16 digits, for messages.
[[nodiscard]] inline std::string hexadecimal(std::uint64_t value) {
    std::string text = "0x";
    for (int shift = 60; shift >= 0; shift -= 4) text += "0123456789abcdef"[value >> shift & 15];
    return text;
}

inline std::vector<float> snapshot_parts::floats(std::span<const std::byte> bytes) {
    std::vector<float> values(bytes.size() / 4);
    if constexpr (std::endian::native == std::endian::little) {
        if (!values.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
    } else {
        for (std::size_t i = 0; i < values.size(); ++i)
            values[i] = __builtin_bit_cast(float, static_cast<std::uint32_t>(snapshot_format::number(bytes, 4 * i, 4)));
    }
    return values;
}

/// The bytes of a snapshot; state (floats of all layers), logits (fields.logits).
[[nodiscard]] inline std::vector<std::byte> write_snapshot(const snapshot_fields& fields, std::span<const float> state,
                                                           std::span<const float> logits) {
    using namespace snapshot_format;
    const bool is_plain = fields.version() == 1;
    const std::size_t size = header + fields.model_type.size() + (is_plain ? 0 : fields.shapes.size() * shape_size) +
                             4 * (state.size() + logits.size()) + checksum;
    const auto digest = fields.read.digest();
    std::vector<std::byte> bytes;
    bytes.reserve(size);
    for (const char c : magic) bytes.push_back(static_cast<std::byte>(c));
    put(bytes, fields.version(), 4);
    put(bytes, fields.model_type.size(), 4);
    put(bytes, size, 8);
    put(bytes, fields.fingerprint, 8);
    put(bytes, static_cast<std::uint64_t>(fields.read.position()), 8);
    put(bytes, digest.value_or(0), 8);
    put(bytes, (digest ? 1U : 0U) | (fields.pending ? 2U : 0U), 4);
    put(bytes, static_cast<std::uint32_t>(fields.pending.value_or(0)), 4);
    const auto put_all = [&](std::initializer_list<index> extents) {
        for (const index extent : extents) put(bytes, static_cast<std::uint64_t>(extent), 8);
    };
    put_all({fields.layers});
    if (is_plain)
        put_all({fields.shapes[0].window, fields.shapes[0].states, fields.shapes[0].channels});
    else
        put_all({static_cast<index>(fields.shapes.size()), 0, 0});
    put_all({fields.logits});
    for (const dtype type : {dtype::f32, fields.activation, fields.matrices})
        put(bytes, static_cast<std::uint64_t>(type), 1);
    put(bytes, 0, 5);
    for (const char c : fields.model_type) bytes.push_back(static_cast<std::byte>(c));
    if (!is_plain)
        for (const layer_shape& shape : fields.shapes)
            put_all({shape.window, shape.states, shape.channels, shape.convolved});
    put(bytes, state);
    put(bytes, logits);
    fnv1a sum;
    sum.update(bytes);
    put(bytes, sum.value(), 8);
    return bytes;
}

namespace snapshot_format {

/// Throws format_error unless `bytes` are what a writer of this version wrote, whole and unchanged.
inline void check_whole(std::span<const std::byte> bytes, const std::string& origin) {
    const auto refuse = [&](const char* what, const std::string& found, const std::string& expected,
                            const char* remedy) {
        return format_error({origin, what, found, expected, remedy});
    };
    constexpr const char* damaged = "the snapshot is cut off or damaged: make it again";
    if (bytes.size() < magic.size() || std::memcmp(bytes.data(), magic.data(), magic.size()) != 0)
        throw refuse("first bytes", "those of another format", "\"" + std::string(magic) + "\"",
                     "give a file that holds a snapshot");
    if (bytes.size() < header + checksum)
        throw refuse("size", std::to_string(bytes.size()) + " bytes", "at least " + std::to_string(header + checksum),
                     damaged);
    if (const std::uint64_t found = number(bytes, 8, 4); found < 1 || found > latest_version)
        throw refuse(
            "version", std::to_string(found), "1 to " + std::to_string(latest_version),
            found > latest_version ? "read it with the version of the library that wrote it, or a later one" : damaged);
    if (const std::uint64_t stated = number(bytes, 16, 8); stated != bytes.size())
        throw refuse("size", std::to_string(bytes.size()) + " bytes", std::to_string(stated), damaged);
    fnv1a sum;
    sum.update(bytes.first(bytes.size() - checksum));
    if (sum.value() != number(bytes, bytes.size() - checksum, checksum))
        throw refuse("checksum", "one that does not match", {}, damaged);
}

}  // namespace snapshot_format

/// Takes the bytes of a snapshot apart. `origin` names them in messages. Throws format_error when they are no snapshot,
/// of a later version, cut off, too long, damaged, or say what cannot be.
[[nodiscard]] inline snapshot_parts read_snapshot(std::span<const std::byte> bytes, const std::string& origin) {
    using namespace snapshot_format;
    check_whole(bytes, origin);
    const auto refuse = [&](const char* what, const std::string& found, const std::string& expected) {
        return format_error({origin, what, found, expected, "the snapshot's writer is at fault"});
    };

    const std::uint64_t type_length = number(bytes, 12, 4);
    const std::uint64_t room = bytes.size() - header - checksum;
    const std::uint64_t position = number(bytes, 32, 8);
    const std::uint64_t flags = number(bytes, 48, 4);
    const std::uint64_t pending = number(bytes, 52, 4);
    const std::uint64_t version = number(bytes, 8, 4);
    const std::uint64_t layers = number(bytes, 56, 8);
    const std::uint64_t logits = number(bytes, 88, 8);
    const auto shapes = stored_shapes(bytes, version, type_length, room);
    const std::uint64_t text_size = type_length + (version == 1 ? 0 : shapes.size() * shape_size);
    const auto floats_size = product(state_size(layers, shapes, room), 4, room);
    const auto logit_size = product(logits, 4, room);
    if (shapes.empty() || sum(text_size, sum(floats_size, logit_size, room), room) != room)
        throw refuse("sizes", "layers, window, states, channels and logits that do not fill the file", {});
    if (position > static_cast<std::uint64_t>(tokens_read::most))
        throw refuse("position", std::to_string(position), "less than 2^63");
    if (flags > 3) throw refuse("flags", std::to_string(flags), "0 to 3");
    if (pending > static_cast<std::uint64_t>(std::numeric_limits<token_id>::max()))
        throw refuse("pending token", std::to_string(pending), "less than 2^31");
    // A later version gives these a meaning: what is there must not be passed over.
    const auto require_zero = [&](const char* what, std::size_t at, std::size_t size) {
        if (const std::uint64_t found = number(bytes, at, size); found != 0)
            throw refuse(what, std::to_string(found), "0");
    };
    if ((flags & 1) == 0) require_zero("digest of ids that are not known", 40, 8);
    if ((flags & 2) == 0) require_zero("pending token where none is pending", 52, 4);
    if (version == 2) {
        require_zero("reserved bytes 72 to 79", 72, 8);
        require_zero("reserved bytes 80 to 87", 80, 8);
    }
    require_zero("reserved bytes 99 to 103", 99, 5);
    std::array<dtype, 3> types;
    for (std::size_t i = 0; i < types.size(); ++i) {
        const std::uint64_t type = number(bytes, 96 + i, 1);
        if (type > static_cast<std::uint64_t>(dtype::q4))
            throw refuse("dtype", std::to_string(type), "0 (f32) to 4 (q4)");
        types[i] = static_cast<dtype>(type);
    }
    if (types[0] != dtype::f32) throw refuse("dtype of the state", std::string(name_of(types[0])), "f32");
    if (is_quantized(types[1]))
        throw refuse("dtype of the activations", std::string(name_of(types[1])), "f32, bf16 or f16");

    const auto after_header = bytes.subspan(header);
    const auto text = after_header.first(type_length);
    const auto floats = after_header.subspan(text_size, *floats_size + *logit_size);
    const auto digest = (flags & 1) != 0 ? std::optional(number(bytes, 40, 8)) : std::nullopt;
    snapshot_parts parts{
        .fields = {.fingerprint = number(bytes, 24, 8),
                   .model_type = std::string(reinterpret_cast<const char*>(text.data()), text.size()),
                   .read = tokens_read(static_cast<index>(position), digest),
                   .pending = (flags & 2) != 0 ? std::optional(static_cast<token_id>(pending)) : std::nullopt,
                   .layers = static_cast<index>(layers),
                   .logits = static_cast<index>(logits),
                   .activation = types[1],
                   .matrices = types[2]},
        .state_bytes = floats.first(*floats_size),
        .logit_bytes = floats.subspan(*floats_size)};
    for (const stored_shape& shape : shapes)
        parts.fields.shapes.push_back({static_cast<index>(shape.window), static_cast<index>(shape.states),
                                       static_cast<index>(shape.channels), static_cast<index>(shape.convolved)});
    if (parts.fields.version() != version) throw refuse("version", std::to_string(version), "1 for such shapes");
    return parts;
}

}  // namespace ssm
