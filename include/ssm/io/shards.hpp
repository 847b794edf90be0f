// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/error.hpp>
#include <ssm/core/tensor.hpp>
#include <ssm/io/file.hpp>
#include <ssm/io/json.hpp>
#include <ssm/io/safetensors.hpp>

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ssm {

/// The tensors of a checkpoint in one safetensors file or several.
class safetensors_shards {
public:
    /// One file.
    static safetensors_shards single(const std::filesystem::path& path, access how, const read_progress& progress) {
        safetensors_shards shards;
        shards.add(path, how, progress);
        return shards;
    }

    /// The files that an index names. Throws format_error for names that lead out of the folder, for missing files (all of
    /// them at once), for tensors in two files, and for tensors that are not where the index says.
    static safetensors_shards indexed(const std::filesystem::path& index_path, access how,
                                      const read_progress& progress) {
        const std::map<std::string, std::string> weight_map = read_weight_map(index_path);
        std::set<std::string> names;
        for (const auto& [tensor, file] : weight_map) names.insert(file);
        require_inside(index_path, names);

        safetensors_shards shards;
        std::map<std::string, std::size_t> position;
        for (const std::string& name : names) {
            position[name] = shards.files_.size();
            shards.add(index_path.parent_path() / name, how, progress);
        }
        for (const auto& [tensor, file] : weight_map) {
            const auto found = shards.location_.find(tensor);
            if (found == shards.location_.end() || found->second != position[file])
                throw format_error({index_path.string(), "tensor " + tensor, "not in " + file,
                                    "in the file that weight_map names",
                                    "the index and the files must come from the same checkpoint"});
        }
        return shards;
    }

    [[nodiscard]] std::optional<stored_tensor> find(std::string_view name) const {
        const auto found = location_.find(name);
        if (found == location_.end()) return std::nullopt;
        return files_[found->second].find(name);
    }
    [[nodiscard]] std::vector<std::string> names() const {
        std::vector<std::string> all;
        for (const auto& [name, file] : location_) all.push_back(name);
        return all;
    }
    /// Bytes of all tensors.
    [[nodiscard]] index bytes() const {
        index sum = 0;
        for (const safetensors_file& file : files_)
            for (const auto& [name, entry] : file.entries()) sum += entry.end - entry.begin;
        return sum;
    }

private:
    void add(const std::filesystem::path& path, access how, const read_progress& progress) {
        files_.push_back(safetensors_file::open(path, how, progress));
        for (const auto& [name, entry] : files_.back().entries()) {
            const auto [first, is_new] = location_.emplace(name, files_.size() - 1);
            if (!is_new)
                throw format_error({path.string(),
                                    "tensor " + name,
                                    "also in " + files_[first->second].source(),
                                    "in one file only",
                                    {}});
        }
    }

    static std::map<std::string, std::string> read_weight_map(const std::filesystem::path& index_path) {
        const json parsed = parse_json(read_text_file(index_path), index_path.string());
        const auto refuse = [&](const std::string& what, const json& found, const char* expected) {
            return format_error({index_path.string(), what, text_of(found), expected, {}});
        };
        if (!parsed.is_object() || !parsed.contains("weight_map") || !parsed["weight_map"].is_object())
            throw refuse("weight_map",
                         parsed.is_object() && parsed.contains("weight_map") ? parsed["weight_map"] : json(),
                         "an object of file names");
        std::map<std::string, std::string> map;
        for (const auto& [tensor, file] : parsed["weight_map"].items()) {
            if (!file.is_string()) throw refuse("weight_map: " + tensor, file, "a file name");
            map[tensor] = file.get<std::string>();
        }
        if (map.empty()) throw refuse("weight_map", parsed["weight_map"], "at least one tensor");
        return map;
    }

    /// A file named by an index is a plain name in its folder. It may be a link within the folder, or into the blobs of a
    /// Hugging Face cache, whose snapshots/<revision>/ folders hold links to ../../blobs/.
    static void require_inside(const std::filesystem::path& index_path, const std::set<std::string>& names) {
        namespace fs = std::filesystem;
        const fs::path folder = fs::weakly_canonical(fs::absolute(index_path).parent_path());
        std::vector<fs::path> homes{folder};
        if (folder.parent_path().filename() == "snapshots")
            homes.push_back(folder.parent_path().parent_path() / "blobs");
        const auto refuse = [&](const std::string& name, const std::string& found) {
            return format_error({index_path.string(), "weight_map", found, "a file in the same folder",
                                 text_of(name) + " leads out of the checkpoint's folder and is not opened"});
        };
        std::string missing;
        for (const std::string& name : names) {
            const fs::path given(name);
            if (name.empty() || name == "." || name == ".." || name.find('\0') != std::string::npos ||
                given.is_absolute() || given.has_parent_path())
                throw refuse(name, text_of(name));
            std::error_code absent;
            if (!fs::exists(folder / given, absent)) {
                missing += (missing.empty() ? "" : ", ") + name;
                continue;
            }
            const fs::path target = fs::canonical(folder / given, absent);
            const bool inside = std::any_of(homes.begin(), homes.end(),
                                            [&](const fs::path& home) { return target.parent_path() == home; });
            if (!inside) throw refuse(name, "a link to " + target.string());
        }
        if (!missing.empty())
            throw format_error({index_path.string(), "weight_map", "no file " + missing,
                                "every file that the index names", "fetch the missing files"});
    }

    std::vector<safetensors_file> files_;
    std::map<std::string, std::size_t, std::less<>> location_;  // tensor -> file
};

}  // namespace ssm
