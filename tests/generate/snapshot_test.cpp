// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/backend/cpu/cpu.hpp>
#include <ssm/generate/sampler.hpp>
#include <ssm/generate/snapshot.hpp>
#include <ssm/ssm.hpp>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/random_weights.hpp"
#include "support/refusal.hpp"
#include "support/stock_models.hpp"

namespace snapshot_test {

namespace {

using Catch::Contains;
using ssm::token_id;
using falcon = ssm::falcon_mamba<ssm::cpu>;
using tokens = std::vector<token_id>;
using bytes = std::vector<std::byte>;

/// One that fits in a few hundred bytes.
ssm::model_config tiny_config() {
    ssm::model_config config = ssm::test::small_config();
    config.hidden = 4;
    config.inner = 3;
    config.state = 2;
    config.conv = 3;
    config.dt_rank = 1;
    config.layers = 2;
    config.vocab = 5;
    return config;
}

falcon load(const ssm::model_config& config, const ssm::cpu& device, const ssm::load_options& options = {}) {
    return ssm::load<falcon>(ssm::test::random_weights(config), device, options);
}

template <class Error = ssm::format_error, class Model>
std::string refusal(const Model& model, const bytes& of) {
    return ssm::test::refusal<Error>([&] { (void)ssm::from_bytes(model, of, "chat.state"); });
}

/// Overwrites a number and makes the checksum right again.
bytes with_number(bytes snapshot, std::size_t at, std::uint64_t value, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) snapshot[at + i] = static_cast<std::byte>(value >> (8 * i));
    ssm::fnv1a sum;
    sum.update(std::span(snapshot).first(snapshot.size() - 8));
    for (std::size_t i = 0; i < 8; ++i)
        snapshot[snapshot.size() - 8 + i] = static_cast<std::byte>(sum.value() >> (8 * i));
    return snapshot;
}

}  // namespace

TEST_CASE("A session goes on from its snapshot as it would have gone on itself") {
    const ssm::cpu device;
    const auto model = load(ssm::test::small_config(), device);
    ssm::session sequence{model};
    sequence.prefill(tokens{1, 2, 3});
    for (const bool has_pending : {false, true}) {
        const bytes stored = ssm::to_bytes(model, sequence.snapshot());
        ssm::session resumed{model, ssm::from_bytes(model, stored)};
        CHECK(resumed.state() == sequence.state());
        CHECK(resumed.pending() == sequence.pending());
        CHECK(resumed.pending().has_value() == has_pending);
        ssm::session same = sequence;
        ssm::sampler first({.seed = 3}), second({.seed = 3});
        for (int i = 0; i < 10; ++i) CHECK(resumed.next(first) == same.next(second));
        CHECK(resumed.state() == same.state());
        (void)sequence.next(first);
    }
}

TEST_CASE("A snapshot states what it is, in the same bytes on every machine") {
    const ssm::cpu device;
    const auto model = load(tiny_config(), device);
    ssm::session sequence{model};
    sequence.prefill(tokens{1, 2, 3});
    const token_id next = sequence.next(ssm::sampler({.temperature = 0}));
    const auto snapshot = ssm::to_bytes(model, sequence.snapshot());
    CHECK(snapshot.size() == 104 + 12 + 2 * (2 + 2) * 3 * 4 + 8);
    CHECK(std::memcmp(snapshot.data(), "ssmstate\1\0\0\0\14\0\0\0", 16) == 0);
    const auto fields = ssm::read_snapshot(snapshot, "").fields;
    CHECK(fields.fingerprint == model.fingerprint());
    CHECK(fields.model_type == "falcon_mamba");
    CHECK(fields.read.are(tokens{1, 2, 3}));
    CHECK(fields.read.position() == 3);
    CHECK(fields.pending == next);
    CHECK(fields.activation == ssm::dtype::f32);
    CHECK(fields.matrices == ssm::dtype::f32);
    float first;  // the oldest input of the first layer's window
    std::memcpy(&first, snapshot.data() + 104 + 12, 4);
    CHECK(first == sequence.state().values(device)[0]);
}

TEST_CASE("Changing any byte of a snapshot, or cutting it off anywhere, is found") {
    const ssm::cpu device;
    const auto model = load(tiny_config(), device);
    ssm::session sequence{model};
    sequence.prefill(tokens{1, 2, 3});
    const bytes whole = ssm::to_bytes(model, sequence.snapshot());
    REQUIRE(refusal(model, whole) == "none");
    for (std::size_t at = 0; at < whole.size(); ++at)
        for (const int flip : {1, 128, 255}) {
            bytes damaged = whole;
            damaged[at] ^= static_cast<std::byte>(flip);
            CAPTURE(at, flip);
            CHECK_THAT(refusal(model, damaged), Contains("chat.state: "));
        }
    for (std::size_t size = 0; size < whole.size(); ++size) {
        CAPTURE(size);
        CHECK_THAT(refusal(model, bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size))),
                   Contains("chat.state: "));
    }
    bytes longer = whole;
    longer.push_back({});
    CHECK_THAT(refusal(model, longer), Contains("size: found " + std::to_string(longer.size()) + " bytes, expected " +
                                                std::to_string(whole.size())));
}

TEST_CASE("Every refusal says what is wrong") {
    const ssm::cpu device;
    const auto model = load(tiny_config(), device);
    ssm::session sequence{model};
    sequence.prefill(tokens{1, 2, 3});
    const bytes whole = ssm::to_bytes(model, sequence.snapshot());
    const auto changed = [&](std::size_t at, std::uint64_t value, std::size_t size) {
        return refusal(model, with_number(whole, at, value, size));
    };
    CHECK_THAT(refusal(model, {}), Contains("first bytes: found those of another format, expected \"ssmstate\""));
    CHECK_THAT(changed(8, 3, 4),
               Contains("version: found 3, expected 1 to 2; read it with the version of the library"));
    CHECK_THAT(changed(8, 2, 4), Contains("do not fill the file"));
    CHECK_THAT(changed(12, 13, 4), Contains("do not fill the file"));
    CHECK_THAT(changed(12, 0xffff'ffff, 4), Contains("do not fill the file"));
    CHECK_THAT(changed(32, std::uint64_t{1} << 63, 8), Contains("position: found 9223372036854775808"));
    CHECK_THAT(changed(48, 4, 4), Contains("flags: found 4"));
    const bytes pending_zero = with_number(whole, 48, 3, 4);
    CHECK(refusal(model, pending_zero) == "none");
    CHECK_THAT(refusal(model, with_number(pending_zero, 52, 5, 4)),
               Contains("pending token: found 5, expected 0 to 4"));
    CHECK_THAT(changed(52, 0x8000'0000, 4), Contains("pending token: found 2147483648"));
    CHECK_THAT(changed(52, 1, 4),
               Contains("chat.state: pending token where none is pending: found 1, expected 0; the snapshot's writer"));
    CHECK_THAT(refusal(model, with_number(with_number(whole, 48, 0, 4), 40, 7, 8)),
               Contains("digest of ids that are not known: found 7, expected 0"));
    for (std::size_t at = 99; at < 104; ++at) {
        CAPTURE(at);
        CHECK_THAT(changed(at, 2, 1), Contains("reserved bytes 99 to 103: found ") && Contains("expected 0"));
    }
    for (const std::size_t at : {56U, 64U, 72U, 80U, 88U})
        for (const std::uint64_t value :
             {std::uint64_t{0}, std::uint64_t{1000}, std::uint64_t{1} << 62, ~std::uint64_t{0}})
            CHECK_THAT(changed(at, value, 8), Contains("do not fill the file"));
    CHECK_THAT(changed(96, 1, 1), Contains("dtype of the state: found bf16, expected f32"));
    CHECK_THAT(changed(97, 3, 1), Contains("dtype of the activations: found q8, expected f32, bf16 or f16"));
    CHECK_THAT(changed(98, 5, 1), Contains("dtype: found 5, expected 0 (f32) to 4 (q4)"));
}

TEST_CASE("A snapshot of another model is refused by name") {
    const ssm::cpu device;
    const auto model = load(tiny_config(), device);
    ssm::session sequence{model};
    sequence.prefill(tokens{1, 2, 3});
    const bytes stored = ssm::to_bytes(model, sequence.snapshot());
    const auto refused_by = [&](auto change) {
        ssm::model_config config = tiny_config();
        change(config);
        return refusal<ssm::config_error>(load(config, device), stored);
    };
    CHECK_THAT(refused_by([](auto& c) { c.layers = 3; }), Contains("chat.state: layers: found 2, expected 3"));
    CHECK_THAT(refused_by([](auto& c) { c.conv = 4; }), Contains("window: found 2, expected 3"));
    CHECK_THAT(refused_by([](auto& c) { c.state = 3; }), Contains("states: found 2, expected 3"));
    CHECK_THAT(refused_by([](auto& c) { c.inner = 4; }), Contains("channels: found 3, expected 4"));
    CHECK_THAT(refused_by([](auto& c) { c.norm_eps = 1e-3F; }), Contains("model fingerprint: found 0x"));
    CHECK_THAT(refused_by([](auto& c) { c.hidden = 5; }), Contains("model fingerprint: found 0x"));

    ssm::test::random_weights tuned(tiny_config());
    tuned.values("backbone.layers.1.mixer.D")[2] += 1e-6F;
    CHECK_THAT(refusal<ssm::config_error>(ssm::load<falcon>(tuned, device), stored), Contains("model fingerprint"));

    // The dtype that the weights are kept in makes no other model of them.
    for (const ssm::dtype type : {ssm::dtype::bf16, ssm::dtype::q8, ssm::dtype::q4}) {
        const auto narrow = load(tiny_config(), device, {.type = type});
        CHECK(refusal<ssm::error>(narrow, stored) == "none");
        const auto of_narrow = ssm::to_bytes(narrow, ssm::snapshot<falcon>{narrow.start_state()});
        CHECK(ssm::read_snapshot(of_narrow, "").fields.matrices == type);
        CHECK(refusal<ssm::error>(load(tiny_config(), device), of_narrow) == "none");
    }
}

TEST_CASE("Snapshots of layers that differ say the shape of each, and are as hard to mistake") {
    using turns = ssm::hybrid<ssm::cpu, ssm::falcon_mamba_arch, ssm::mamba2_arch>;
    ssm::model_config config = tiny_config();
    config.heads = 3;
    config.groups = 1;
    config.layers = 3;
    const ssm::cpu device;
    const auto make = [&](const ssm::model_config& of) {
        ssm::test::random_weights weights(of);
        weights.make_mamba2(1);
        return ssm::load<turns>(weights, device);
    };
    const auto model = make(config);
    ssm::session sequence{model};
    sequence.prefill(tokens{1, 2, 3});
    const bytes whole = ssm::to_bytes(model, sequence.snapshot());
    CHECK(whole.size() == 104 + 12 + 2 * 32 + ((2 * 3 + 2 * 3) * 2 + (2 * 7 + 2 * 3) + 5) * 4 + 8);
    CHECK(whole[8] == std::byte{2});
    REQUIRE(refusal(model, whole) == "none");
    CHECK(ssm::read_snapshot(whole, "").fields.shapes[1] == ssm::layer_shape{2, 2, 3, 7});

    for (std::size_t at = 0; at < whole.size(); ++at) {
        bytes damaged = whole;
        damaged[at] ^= std::byte{255};
        CAPTURE(at);
        CHECK_THAT(refusal(model, damaged), Contains("chat.state: "));
    }
    const auto changed = [&](std::size_t at, std::uint64_t value, std::size_t size) {
        return refusal(model, with_number(whole, at, value, size));
    };
    for (const std::size_t at : {56U, 64U, 104U + 12, 104U + 20, 104U + 28, 104U + 36, 104U + 68})
        for (const std::uint64_t value :
             {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1} << 32, ~std::uint64_t{0}}) {
            CAPTURE(at, value);
            CHECK_THAT(changed(at, value, 8), Contains("do not fill the file"));
        }
    CHECK_THAT(changed(72, 2, 8), Contains("reserved bytes 72 to 79: found 2, expected 0"));
    CHECK_THAT(changed(80, 3, 8), Contains("reserved bytes 80 to 87: found 3, expected 0"));

    config.groups = 3;
    CHECK_THAT(refusal<ssm::config_error>(make(config), whole),
               Contains("channels of the convolution of layer 1: found 7, expected 15"));
    CHECK_THAT(refusal<ssm::config_error>(ssm::load<falcon>(ssm::test::random_weights(config), device), whole),
               Contains("shapes of layers: found 2, expected 1"));
}

TEST_CASE("A snapshot that version 1 can say is not written as version 2") {
    const ssm::cpu device;
    const auto model = load(tiny_config(), device);
    bytes longer = ssm::to_bytes(model, ssm::snapshot<falcon>{model.start_state()});
    std::vector<std::byte> shape;
    for (const std::uint64_t extent : {2U, 2U, 3U, 3U}) ssm::snapshot_format::put(shape, extent, 8);
    longer.insert(longer.begin() + 104 + 12, shape.begin(), shape.end());
    longer = with_number(longer, 16, longer.size(), 8);
    longer = with_number(longer, 64, 1, 8);
    for (const std::size_t at : {72U, 80U}) longer = with_number(longer, at, 0, 8);
    CHECK_THAT(refusal(model, with_number(longer, 8, 2, 4)), Contains("version: found 2, expected 1 for such shapes"));
}

TEST_CASE("What a session or a snapshot cannot be made of is refused") {
    const ssm::cpu device;
    const auto model = load(tiny_config(), device);
    using snapshot = ssm::snapshot<falcon>;
    CHECK_THROWS_WITH(ssm::to_bytes(model, snapshot{model.start_state(2)}),
                      Contains("found 2 sequences, expected one"));
    CHECK_THROWS_WITH((ssm::session{model, snapshot{model.start_state(), std::vector<float>(4)}}),
                      Contains("found 4 logits, expected 5"));
    CHECK_THROWS_AS((ssm::session{model, snapshot{model.start_state(), {}, 5}}), ssm::argument_error);
}

}  // namespace snapshot_test
