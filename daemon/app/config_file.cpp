// SPDX-License-Identifier: LGPL-2.1-or-later
#include "app/config_file.hpp"

#include "util/files.hpp"
#include "util/paths.hpp"

#include <filesystem>

namespace virtsession {

Result<ConfigText> read_config_file(const std::string& path) {
  const auto text = read_file(path);
  if (!text) return Error{ErrorCode::invalid_config, text.error().message};
  if (!*text) return Error{ErrorCode::invalid_config, path + ": there is no such file"};
  return read_config(**text);
}

std::string find_config_file() {
  // A file that is there and cannot be read is not skipped: whoever wrote it wants to hear of that.
  for (const auto& folder : {config_home(), std::string("/etc")}) {
    auto path = folder + "/virtsession/config.json";
    std::error_code ignored;
    if (std::filesystem::exists(std::filesystem::symlink_status(path, ignored))) return path;
  }
  return {};
}

}  // namespace virtsession
