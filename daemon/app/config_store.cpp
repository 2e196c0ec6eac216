// SPDX-License-Identifier: LGPL-2.1-or-later
#include "app/config_store.hpp"

#include "util/bounded.hpp"
#include "util/files.hpp"
#include "util/paths.hpp"

#include <chrono>
#include <filesystem>
#include <utility>

namespace virtsession {
namespace {

/// A home may hang, and somebody waits for the answer.
constexpr std::chrono::milliseconds kFileLimit{500};

std::string find_config_file() {
  // A file that is there and cannot be read is not skipped: who wrote it wants to hear of that.
  for (const auto& folder : {config_home(), std::string("/etc")}) {
    auto path = folder + "/virtsession/config.json";
    std::error_code ignored;
    if (std::filesystem::exists(std::filesystem::symlink_status(path, ignored))) return path;
  }
  return {};
}

struct ConfigFile {
  std::string path;  ///< empty when there is none
  Result<ConfigText> content;
};

/// On a thread that is given up on. \param file empty: one of the usual ones
ConfigFile read_within_limit(const std::string& file) {
  Bounded<ConfigFile> reading("config", [file]() -> ConfigFile {
    auto path = file.empty() ? find_config_file() : file;
    auto content = path.empty() ? Result<ConfigText>(ConfigText{}) : read_config_file(path);
    return {std::move(path), std::move(content)};
  });
  if (auto read = reading.get(std::chrono::steady_clock::now() + kFileLimit)) return *std::move(read);
  auto path = file.empty() ? config_home() + "/virtsession/config.json" : file;
  Error error{ErrorCode::invalid_config, path + " does not answer"};
  return {std::move(path), std::move(error)};
}

}  // namespace

Result<ConfigText> read_config_file(const std::string& path) {
  const auto text = read_file(path);
  if (!text) return Error{ErrorCode::invalid_config, text.error().message};
  if (!*text) return Error{ErrorCode::invalid_config, path + ": there is no such file"};
  return read_config(**text);
}

ConfigStore::ConfigStore(std::string file, Check check)
    : file_(std::move(file)), check_(std::move(check)), loaded_(load()) {}

ConfigStore::Loaded ConfigStore::load() const {
  Loaded loaded;
  auto [path, file] = read_within_limit(file_);
  loaded.path = std::move(path);
  if (loaded.path.empty()) return loaded;
  if (!file)
    loaded.problems.push_back({"", file.error().message, ""});
  else
    loaded.problems = file->problems;
  if (!loaded.problems.empty()) return loaded;
  if (auto problem = check_ ? check_(file->config) : std::nullopt)
    loaded.problems.push_back(*std::move(problem));
  else
    loaded.config = file->config;
  return loaded;
}

Result<void> ConfigStore::reload() {
  auto loaded = load();
  if (!loaded.problems.empty()) {
    loaded_.problems = std::move(loaded.problems);
    return Error{ErrorCode::invalid_config,
                 loaded.path + " is not used, the configuration stays as it was: " + to_text(loaded_.problems)};
  }
  loaded_ = std::move(loaded);
  return {};
}

}  // namespace virtsession
