// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/io/safetensors_writer.hpp>

#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "io/sample_files.hpp"
#include "support/catch.hpp"
#include "support/random_matrix.hpp"

namespace safetensors_writer_test {

namespace {

using namespace ssm::test;
using ssm::dtype;

ssm::tensor_to_write written(const std::string& name, const random_matrix& matrix) {
    return {name, matrix.tensor.type, matrix.tensor.shape, [&matrix] { return matrix.bytes; }};
}

}  // namespace

TEST_CASE("what is written is read again, in every dtype") {
    const temporary_folder folder;
    std::vector<random_matrix> matrices;
    std::vector<ssm::tensor_to_write> tensors;
    for (const dtype type : {dtype::f32, dtype::bf16, dtype::f16, dtype::q8, dtype::q4})
        matrices.emplace_back(5, 70, type);
    for (const random_matrix& matrix : matrices)
        tensors.push_back(written(std::string(name_of(matrix.tensor.type)), matrix));
    const auto path = folder.path() / "model.safetensors";
    ssm::write_safetensors(path, tensors, {{"format", "pt"}});

    const auto file = ssm::safetensors_file::open(path);
    CHECK(file.metadata().at("format") == "pt");
    CHECK(file.entries().size() == 5);
    for (const random_matrix& matrix : matrices) {
        const auto tensor = file.find(name_of(matrix.tensor.type));
        REQUIRE(tensor);
        CAPTURE(tensor->name);
        CHECK(tensor->type == matrix.tensor.type);
        CHECK(tensor->shape == matrix.tensor.shape);
        REQUIRE(tensor->bytes.size() == matrix.bytes.size());
        CHECK(std::memcmp(tensor->bytes.data(), matrix.bytes.data(), matrix.bytes.size()) == 0);

        // Its pages may go: they come back from the file.
        REQUIRE(tensor->let_go != nullptr);
        tensor->let_go(tensor->bytes);
        CHECK(std::memcmp(tensor->bytes.data(), matrix.bytes.data(), matrix.bytes.size()) == 0);
    }
}

TEST_CASE("a file that could not be written whole is not there") {
    const temporary_folder folder;
    const random_matrix matrix(3, 3, dtype::f32);
    const std::vector<ssm::tensor_to_write> tensors{written("a", matrix), written("b", matrix)};
    const auto path = folder.path() / "model.safetensors";
    CHECK_THROWS_AS(ssm::write_safetensors(path, tensors, {}, [](ssm::index) { return false; }), ssm::cancelled);
    CHECK(std::filesystem::is_empty(folder.path()));
    check_refused<ssm::io_error>([&] { ssm::write_safetensors(folder.path() / "no" / "folder", tensors, {}); },
                                 {"cannot be created", "No such file"});
    check_refused<ssm::io_error>([&] { ssm::write_safetensors("/proc/none", tensors, {}); }, {"/proc/none"});
}

TEST_CASE("a quantized matrix must be what its metadata say") {
    const std::string zeros(2 * 3 * 34, '\0');
    const auto file = [&](const std::string& note, const std::string& type, const std::string& shape) {
        return parse_safetensors(safetensors_of("{\"__metadata__\":{\"ssm.quantized.w\":\"" + note + "\"}," +
                                                    entry_text("w", type, shape, "0", "204") + "}",
                                                zeros));
    };
    const auto good = file("q8 70", "U8", "[2,3,34]").find("w");
    REQUIRE(good);
    CHECK(good->type == dtype::q8);
    CHECK(good->shape == std::vector<ssm::index>{2, 70});

    for (const char* note :
         {"", "q8", "q8 ", "q8 x", "q8 7x", "q8 -70", "q9 70", "q8 99999999999999999999", "q8 9223372036854775807"})
        check_refused<ssm::format_error>([&] { (void)file(note, "U8", "[2,3,34]").find("w"); },
                                         {"some.safetensors", "ssm.quantized.w", "expected q8 or q4"});
    check_refused<ssm::format_error>([&] { (void)file("q4 70", "U8", "[2,3,34]").find("w"); },
                                     {"tensor w", "U8 of shape [2, 3, 34]", "U8 of shape [2, 3, 18]"});
    check_refused<ssm::format_error>([&] { (void)file("q8 64", "U8", "[2,3,34]").find("w"); }, {"shape [2, 2, 34]"});
    check_refused<ssm::format_error>([&] { (void)file("q8 70", "I8", "[2,3,34]").find("w"); }, {"I8 of shape"});
    check_refused<ssm::format_error>([&] { (void)file("q8 70", "F32", "[51]").find("w"); }, {"F32 of shape [51]"});
    check_refused<ssm::format_error>([&] { (void)file("q8 70", "U8", "[204]").find("w"); }, {"U8 of shape [204]"});
}

}  // namespace safetensors_writer_test
