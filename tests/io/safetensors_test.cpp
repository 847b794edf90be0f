// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

#include <ssm/backend/cpu/cpu.hpp>
#include <ssm/io/safetensors.hpp>
#include <ssm/ssm.hpp>

#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "io/sample_files.hpp"
#include "support/catch.hpp"
#include "support/random_weights.hpp"
#include "support/stock_models.hpp"

namespace safetensors_test {

namespace {

using namespace ssm::test;

/// Reads every byte of every tensor, as a weight where it is one.
std::size_t read_all(const ssm::safetensors_file& file) {
    std::size_t sum = 0;
    for (const auto& [name, entry] : file.entries()) {
        for (const std::byte b : file.bytes_of(name)) sum += std::to_integer<std::size_t>(b);
        try {
            sum += file.find(name)->bytes.size();
        } catch (const ssm::format_error&) {
        }
    }
    return sum;
}

/// A valid file of two tensors and metadata.
std::string two_tensors() {
    return safetensors_of("{\"__metadata__\":{\"format\":\"pt\"}," + entry_text("a", "F32", "[2]", "4", "12") + "," +
                              entry_text("b", "BF16", "[1,2]", "0", "4") + "}",
                          "0123456789ab");
}

}  // namespace

TEST_CASE("a safetensors file gives its tensors in place") {
    const auto file = parse_safetensors(two_tensors());
    CHECK(file.entries().size() == 2);
    CHECK(file.metadata().at("format") == "pt");
    const auto b = file.find("b");
    REQUIRE(b);
    CHECK(b->type == ssm::dtype::bf16);
    CHECK(b->shape == std::vector<ssm::index>{1, 2});
    CHECK(std::memcmp(b->bytes.data(), "0123", 4) == 0);
    const auto a = file.bytes_of("a");
    REQUIRE(a.size() == 8);
    CHECK(std::memcmp(a.data(), "456789ab", 8) == 0);
    CHECK_FALSE(file.find("c"));
    CHECK(file.bytes_of("c").empty());
}

TEST_CASE("a tensor outlives its file") {
    std::optional<ssm::stored_tensor> tensor;
    tensor = parse_safetensors(two_tensors()).find("b");
    CHECK(std::memcmp(tensor->bytes.data(), "0123", 4) == 0);
}

TEST_CASE("unusual but valid safetensors files load") {
    const std::string zeros(4, '\0');
    CHECK(parse_safetensors(safetensors_of("{}")).entries().empty());
    CHECK(parse_safetensors(safetensors_of("{}     ")).entries().empty());
    const auto empty = parse_safetensors(safetensors_of(
        "{" + entry_text("e", "F32", "[3,0]", "0", "0") + "," + entry_text("s", "F32", "[]", "0", "4") + "}", zeros));
    CHECK(empty.find("e")->bytes.empty());
    CHECK(empty.find("s")->bytes.size() == 4);
    const auto integers = parse_safetensors(safetensors_of("{" + entry_text("i", "I32", "[1]", "0", "4") + "}", zeros));
    CHECK(integers.bytes_of("i").size() == 4);
}

TEST_CASE("a damaged safetensors file is refused by name, tensor, found and expected") {
    const auto one = [](const std::string& type, const std::string& shape, const std::string& begin,
                        const std::string& end) {
        return safetensors_of("{" + entry_text("w", type, shape, begin, end) + "}", std::string(8, '\0'));
    };
    const auto two = [](const char* a0, const char* a1, const char* shape, const char* b0, const char* b1,
                        std::size_t data) {
        return safetensors_of(
            "{" + entry_text("a", "U8", "[4]", a0, a1) + "," + entry_text("b", "U8", shape, b0, b1) + "}",
            std::string(data, '\0'));
    };
    const std::string valid = entry_text("w", "U8", "[0]", "0", "0");
    struct row {
        const char* name;
        std::string file;
        std::vector<std::string> says;
    };
    const std::vector<row> rows = {
        {"nothing", "", {"found 0 bytes", "at least 8 bytes"}},
        {"seven bytes", "1234567", {"found 7 bytes", "at least 8 bytes"}},
        {"absurd length", safetensors_of("{}", "", ~0ULL), {"header length", "18446744073709551615"}},
        {"length of 100 MB and one",
         safetensors_of("{}", "", 100'000'001),
         {"header length", "100000001", "100000000"}},
        {"length past the end", safetensors_of("{}", "", 3), {"header length: found 3", "at most the 2 bytes"}},
        {"no header", safetensors_of(""), {"header: found nothing", "a JSON object"}},
        {"leading space", safetensors_of(" {}"), {"header", "a first byte other than '{'"}},
        {"array", safetensors_of("[]"), {"header", "a first byte other than '{'"}},
        {"LFS",
         "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
         {"Git LFS pointer", "git lfs pull"}},
        {"cut JSON", safetensors_of("{\"a\":"), {"JSON"}},
        {"text after JSON", safetensors_of("{}{}"), {"JSON"}},
        {"not UTF-8", safetensors_of("{\"\xff\":1}"), {"JSON", "UTF-8"}},
        {"cut UTF-8", safetensors_of("{\"\xe2\x82\":1}"), {"JSON", "UTF-8"}},
        {"twice", safetensors_of("{" + valid + "," + valid + "}"), {"key \"w\"", "given twice"}},
        {"deep", safetensors_of("{\"w\":" + std::string(100'000, '[')), {"nested deeper than 64", "at most 64"}},
        {"no object", safetensors_of("{\"w\":1}"), {"tensor w: found 1", "an object with dtype"}},
        {"array entry", safetensors_of("{\"w\":[]}"), {"tensor w: found an array", "an object with dtype"}},
        {"no dtype", safetensors_of(R"({"w":{"shape":[],"data_offsets":[0,0]}})"), {"tensor w: dtype: found nothing"}},
        {"no shape",
         safetensors_of(R"({"w":{"dtype":"U8","data_offsets":[0,0]}})"),
         {"tensor w: shape: found nothing"}},
        {"no offsets", safetensors_of(R"({"w":{"dtype":"U8","shape":[]}})"), {"tensor w: data_offsets: found nothing"}},
        {"dtype 5",
         safetensors_of(R"({"w":{"dtype":5,"shape":[],"data_offsets":[0,1]}})"),
         {"tensor w: dtype: found 5"}},
        {"shape 5", one("F32", "5", "0", "8"), {"tensor w: shape: found 5", "an array"}},
        {"one offset",
         safetensors_of(R"({"w":{"dtype":"U8","shape":[],"data_offsets":[0]}})"),
         {"data_offsets", "two numbers"}},
        {"metadata list",
         safetensors_of(R"({"__metadata__":[]})"),
         {"__metadata__: found an array", "object of strings"}},
        {"metadata number", safetensors_of(R"({"__metadata__":{"k":1}})"), {"__metadata__: k: found 1", "a string"}},
        {"unknown dtype", one("F31", "[2]", "0", "8"), {"tensor w: dtype: found \"F31\"", "BF16"}},
        {"negative", one("F32", "[-2]", "0", "8"), {"tensor w: shape: found -2", "a whole number"}},
        {"minus one", one("F32", "[-1]", "0", "8"), {"tensor w: shape: found -1", "a whole number"}},
        {"fraction", one("F32", "[2.0]", "0", "8"), {"tensor w: shape: found 2.0", "a whole number"}},
        {"text extent", one("F32", "[\"2\"]", "0", "8"), {"tensor w: shape: found \"2\""}},
        {"extent over int64",
         one("F32", "[9223372036854775808]", "0", "8"),
         {"tensor w: shape", "9223372036854775808"}},
        {"extent over uint64", one("F32", "[18446744073709551616]", "0", "8"), {"tensor w: shape"}},
        {"overflow", one("F32", "[4294967296,4294967297]", "0", "8"), {"tensor w: shape", "can be counted"}},
        {"wraps to 0", one("F32", "[4294967296,4294967296]", "0", "0"), {"tensor w: shape", "can be counted"}},
        {"wraps by the element", one("F32", "[4611686018427387904]", "0", "0"), {"tensor w: shape", "can be counted"}},
        {"wraps to 8", one("F32", "[4611686018427387906]", "0", "8"), {"tensor w: shape", "can be counted"}},
        {"shape too large", one("F32", "[3]", "0", "8"), {"tensor w: found 8 bytes", "12 bytes for shape [3] of F32"}},
        {"shape too small", one("F32", "[1]", "0", "8"), {"tensor w: found 8 bytes", "4 bytes for shape [1] of F32"}},
        {"offsets past the end",
         one("F32", "[4]", "0", "16"),
         {"tensor w: data_offsets: found [0, 16]", "8 bytes of data"}},
        {"offsets swapped", one("F32", "[2]", "8", "0"), {"tensor w: data_offsets: found [8, 0]"}},
        {"negative offset", one("F32", "[2]", "-1", "8"), {"tensor w: data_offsets: found -1"}},
        {"huge offset", one("F32", "[2]", "0", "18446744073709551615"), {"tensor w: data_offsets"}},
        {"overlap", two("0", "4", "[4]", "2", "6", 6), {"tensor b", "from byte 2", "from byte 4", "overlap"}},
        {"same place", two("0", "4", "[4]", "0", "4", 4), {"tensor", "overlap"}},
        {"hole", two("0", "4", "[2]", "6", "8", 8), {"tensor b", "from byte 6", "from byte 4", "hole"}},
        {"hole in front", two("2", "6", "[2]", "6", "8", 8), {"tensor a", "from byte 2", "from byte 0", "hole"}},
        {"trailing bytes",
         two("0", "4", "[4]", "4", "8", 9),
         {"found 9 bytes of data", "8 bytes, the end of the last"}},
        {"data without tensors", safetensors_of("{}", "x"), {"found 1 bytes of data", "0 bytes"}},
    };
    for (const row& r : rows) {
        INFO(r.name);
        auto says = r.says;
        says.push_back("some.safetensors: ");
        check_refused<ssm::format_error>([&] { parse_safetensors(r.file); }, says);
    }
}

TEST_CASE("only F32, BF16 and F16 are weights") {
    for (const char* const type :
         {"F64", "I64", "I32", "I16", "I8", "U64", "U32", "U16", "U8", "BOOL", "F8_E4M3", "F8_E5M2"}) {
        INFO(type);
        const auto file = parse_safetensors(safetensors_of("{" + entry_text("w", type, "[0]", "0", "0") + "}"));
        check_refused<ssm::format_error>(
            [&] { (void)file.find("w"); },
            {"some.safetensors: tensor w: found type " + std::string(type), "F32, BF16 or F16"});
    }
}

TEST_CASE("a safetensors file cut at any byte is refused") {
    const std::string whole = two_tensors();
    for (std::size_t size = 0; size < whole.size(); ++size) {
        INFO(size);
        CHECK_THROWS_AS(parse_safetensors(std::string_view(whole).substr(0, size)), ssm::format_error);
    }
}

TEST_CASE("a safetensors file with any byte changed is refused or read within its bounds") {
    const std::string whole = two_tensors();
    std::size_t refused = 0;
    for (std::size_t i = 0; i < whole.size(); ++i)
        for (const int flip : {0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff}) {
            std::string damaged = whole;
            damaged[i] = static_cast<char>(damaged[i] ^ flip);
            try {
                read_all(parse_safetensors(damaged));
            } catch (const ssm::format_error&) {
                ++refused;
            }
        }
    CHECK(refused > whole.size());
}

TEST_CASE("weights that are misaligned in the file load on the CPU") {
    const random_weights source(small_config());
    // One odd byte in front leaves every float at an odd address.
    std::string header = "{" + entry_text("odd", "U8", "[1]", "0", "1");
    std::string data = "x";
    for (const std::string& name : source.names()) {
        const auto tensor = source.find(name);
        const auto begin = std::to_string(data.size());
        data.append(reinterpret_cast<const char*>(tensor->bytes.data()), tensor->bytes.size());
        header += "," + entry_text(name, "F32", ssm::shape_text(tensor->shape), begin, std::to_string(data.size()));
    }
    struct misaligned {
        ssm::model_config model;
        ssm::safetensors_file file;
        const ssm::model_config& config() const { return model; }
        std::optional<ssm::stored_tensor> find(std::string_view name) const { return file.find(name); }
        std::string describe() const { return "misaligned"; }
    };
    header += "}";
    if (header.size() % 2 != 0) header += ' ';
    const misaligned shifted{source.config(), parse_safetensors(safetensors_of(header, data))};
    REQUIRE(reinterpret_cast<std::uintptr_t>(shifted.find("lm_head.weight")->bytes.data()) % 2 == 1);

    const std::vector<ssm::token_id> prompt = {3, 1, 4, 1, 5};
    const auto logits = [&](const auto& weights) {
        const ssm::cpu device{{.threads = 1}};
        const auto model = ssm::load<ssm::falcon_mamba<ssm::cpu>>(weights, device);
        auto state = model.start_state();
        auto scratch = model.make_workspace(5);
        std::vector<float> values(static_cast<std::size_t>(5 * model.config().vocab));
        model.forward(prompt, state, scratch, ssm::matrix_view<float>(values.data(), 5, model.config().vocab));
        return values;
    };
    CHECK(logits(shifted) == logits(source));
}

}  // namespace safetensors_test
