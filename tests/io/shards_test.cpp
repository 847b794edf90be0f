// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

#include <ssm/io/shards.hpp>

#include <filesystem>
#include <string>
#include <vector>

#include "io/sample_files.hpp"
#include "support/catch.hpp"

namespace shards_test {

namespace {

using namespace ssm::test;

constexpr const char* index_name = "model.safetensors.index.json";

ssm::safetensors_shards open_index(const std::filesystem::path& folder) {
    return ssm::safetensors_shards::indexed(folder / index_name, ssm::access::map, nullptr);
}

/// Checks that a folder's index is refused with these words.
void check_index(const temporary_folder& folder, const std::string& text, std::vector<std::string> says) {
    INFO(text);
    says.push_back(folder.write(index_name, text).string() + ": ");
    check_refused<ssm::format_error>([&] { (void)open_index(folder.path()); }, says);
}

std::string map_to(const std::string& file) { return R"({"weight_map": {"a": ")" + file + R"("}})"; }

}  // namespace

TEST_CASE("the tensors of all shards are found") {
    const temporary_folder folder;
    folder.write("1.safetensors", small_file("a"));
    folder.write("2.safetensors", small_file("b"));
    folder.write(index_name, R"({"metadata": {"total_size": 16},
                                 "weight_map": {"a": "1.safetensors", "b": "2.safetensors"}})");
    const auto shards = open_index(folder.path());
    CHECK(shards.names() == std::vector<std::string>{"a", "b"});
    CHECK(shards.bytes() == 16);
    CHECK(shards.find("b")->bytes.size() == 8);
    CHECK_FALSE(shards.find("c"));
}

TEST_CASE("an index without a sound weight_map is refused") {
    const temporary_folder folder;
    folder.write("1.safetensors", small_file("a"));
    check_index(folder, "", {"JSON"});
    check_index(folder, "version https://git-lfs.github.com/spec/v1\n", {"Git LFS pointer"});
    check_index(folder, "[]", {"weight_map: found null", "an object of file names"});
    check_index(folder, "{}", {"weight_map: found null", "an object of file names"});
    check_index(folder, R"({"weight_map": 5})", {"weight_map: found 5"});
    check_index(folder, R"({"weight_map": ["1.safetensors"]})", {"weight_map: found an array"});
    check_index(folder, R"({"weight_map": {}})", {"weight_map", "at least one tensor"});
    check_index(folder, R"({"weight_map": {"a": 1}})", {"weight_map: a: found 1", "a file name"});
    check_index(folder, R"({"weight_map": {"a": "1.safetensors", "a": "1.safetensors"}})",
                {"key \"a\"", "given twice"});
}

TEST_CASE("all missing shards are listed at once") {
    const temporary_folder folder;
    folder.write("2.safetensors", small_file("b"));
    check_index(folder,
                R"({"weight_map": {"a": "1.safetensors", "b": "2.safetensors", "c": "3.safetensors", "d": "4.bin"}})",
                {"no file 1.safetensors, 3.safetensors, 4.bin", "every file that the index names"});
}

TEST_CASE("a name that leads out of the folder is refused, even where a file is there") {
    const temporary_folder outer;
    const auto outside = outer.write("secret.safetensors", small_file("a"));
    outer.write("model/inner/1.safetensors", small_file("a"));
    const auto index = [&](const std::string& name, std::vector<std::string> says) {
        INFO(name);
        says.push_back(outer.write(std::filesystem::path("model") / index_name, map_to(name)).string());
        check_refused<ssm::format_error>([&] { (void)open_index(outer.path() / "model"); }, says);
    };
    for (const std::string& name :
         {std::string("../secret.safetensors"), std::string("inner/../../secret.safetensors"), outside.string(),
          std::string("inner/1.safetensors"), std::string("./x"), std::string(".."), std::string("."), std::string()})
        index(name, {"weight_map: found " + ssm::text_of(name), "a file in the same folder", "leads out"});
    index("1.safetensors\\u0000", {"weight_map", "leads out"});

    std::filesystem::create_symlink("../secret.safetensors", outer.path() / "model/link.safetensors");
    index("link.safetensors",
          {"weight_map: found a link to " + std::filesystem::canonical(outside).string(), "leads out"});
    std::filesystem::create_symlink("inner", outer.path() / "model/folder");
    index("folder/1.safetensors", {"weight_map", "leads out"});
    std::filesystem::create_symlink("loop", outer.path() / "model/loop");
    index("loop", {"no file loop"});
}

TEST_CASE("links within the folder and into a cache's blobs are followed") {
    const temporary_folder cache;
    cache.write("snapshots/0123/own.safetensors", small_file("a"));
    cache.write("blobs/4567", small_file("a"));
    const auto snapshot = cache.path() / "snapshots/0123";
    std::filesystem::create_symlink("own.safetensors", snapshot / "here.safetensors");
    std::filesystem::create_symlink("../../blobs/4567", snapshot / "cached.safetensors");
    for (const char* const name : {"own.safetensors", "here.safetensors", "cached.safetensors"}) {
        INFO(name);
        std::filesystem::remove(snapshot / index_name);
        cache.write("blobs/89ab", map_to(name));
        std::filesystem::create_symlink("../../blobs/89ab", snapshot / index_name);
        CHECK(open_index(snapshot).names() == std::vector<std::string>{"a"});
    }
    cache.write("secret", small_file("a"));
    std::filesystem::create_symlink("../../secret", snapshot / "out.safetensors");
    cache.write("blobs/89ab", map_to("out.safetensors"));
    check_refused<ssm::format_error>([&] { (void)open_index(snapshot); }, {"weight_map: found a link to ", "secret"});
}

TEST_CASE("shards that disagree with their index or each other are refused") {
    const temporary_folder folder;
    const auto first = folder.write("1.safetensors", small_file("a"));
    const auto second = folder.write("2.safetensors", small_file("b"));
    check_index(folder, R"({"weight_map": {"a": "1.safetensors", "b": "1.safetensors"}})",
                {"tensor b: found not in 1.safetensors", "weight_map"});
    check_index(folder, R"({"weight_map": {"a": "2.safetensors", "b": "1.safetensors"}})",
                {"tensor a: found not in 2.safetensors"});

    folder.write("2.safetensors", small_file("a"));
    folder.write(index_name, R"({"weight_map": {"a": "1.safetensors", "b": "2.safetensors"}})");
    check_refused<ssm::format_error>([&] { (void)open_index(folder.path()); },
                                     {second.string() + ": tensor a: found also in " + first.string()});

    folder.write("2.safetensors", "short");
    check_refused<ssm::format_error>([&] { (void)open_index(folder.path()); },
                                     {second.string() + ": found 5 bytes", "at least 8 bytes"});
}

}  // namespace shards_test
