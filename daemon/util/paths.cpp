// SPDX-License-Identifier: LGPL-2.1-or-later
#include "util/paths.hpp"

#include "util/fatal_error.hpp"

#include <pwd.h>
#include <sysexits.h>
#include <unistd.h>

#include <cstdlib>

namespace virtsession {
namespace {

std::string absolute_path_from(const char* variable) {
  const char* value = std::getenv(variable);
  return value && value[0] == '/' ? value : "";
}

std::string home() {
  if (auto path = absolute_path_from("HOME"); !path.empty()) return path;
  const auto* entry = getpwuid(getuid());
  if (entry && entry->pw_dir && entry->pw_dir[0] == '/') return entry->pw_dir;
  throw FatalError(EX_CONFIG, "HOME is not set, and the user has no home folder");
}

}  // namespace

std::string config_home() {
  auto path = absolute_path_from("XDG_CONFIG_HOME");
  return path.empty() ? home() + "/.config" : path;
}

std::string state_home() {
  auto path = absolute_path_from("XDG_STATE_HOME");
  return path.empty() ? home() + "/.local/state" : path;
}

std::string normal_path(const std::filesystem::path& path) {
  auto text = path.lexically_normal().string();
  if (text.size() > 1 && text.ends_with('/')) text.pop_back();
  return text;
}

std::string runtime_dir() {
  auto path = absolute_path_from("XDG_RUNTIME_DIR");
  std::error_code ignored;
  if (path.empty() || !std::filesystem::is_directory(path, ignored))
    throw FatalError(EX_UNAVAILABLE,
                     "XDG_RUNTIME_DIR is not set to a folder: virtsessiond belongs into a user's login session "
                     "(systemctl --user start virtsessiond)");
  return path;
}

}  // namespace virtsession
