// SPDX-License-Identifier: LGPL-2.1-or-later
#include "app/config_store.hpp"

#include "util/files.hpp"
#include "util/paths.hpp"

#include <filesystem>
#include <utility>

namespace virtsession {
namespace {

std::string find_config_file() {
  // A file that is there and cannot be read is not skipped: who wrote it wants to hear of that.
  for (const auto& folder : {config_home(), std::string("/etc")}) {
    auto path = folder + "/virtsession/config.json";
    std::error_code ignored;
    if (std::filesystem::exists(std::filesystem::symlink_status(path, ignored))) return path;
  }
  return {};
}

}  // namespace

Result<ConfigText> read_config_file(const std::string& path) {
  const auto text = read_file(path);
  if (!text) return Error{ErrorCode::invalid_config, text.error().message};
  if (!*text) return Error{ErrorCode::invalid_config, path + ": there is no such file"};
  return read_config(**text);
}

ConfigStore::ConfigStore(std::string file) : file_(std::move(file)), loaded_(load()) {}

ConfigStore::Loaded ConfigStore::load() const {
  Loaded loaded;
  loaded.path = file_.empty() ? find_config_file() : file_;
  if (loaded.path.empty()) return loaded;
  const auto file = read_config_file(loaded.path);
  if (!file)
    loaded.problems.push_back({"", file.error().message, ""});
  else if (file->problems.empty())
    loaded.config = file->config;
  else
    loaded.problems = file->problems;
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
