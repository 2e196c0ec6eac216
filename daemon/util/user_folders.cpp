// SPDX-License-Identifier: LGPL-2.1-or-later
#include "util/user_folders.hpp"

#include "util/paths.hpp"
#include "util/proc.hpp"

#include <pwd.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <vector>

namespace virtsession {
namespace {

struct XdgFolder {
  const char* variable;
  const char* below_home;
  std::string UserFolders::*member;
};

constexpr std::array<XdgFolder, 4> kXdgFolders{{
    {"XDG_CONFIG_HOME", ".config", &UserFolders::config},
    {"XDG_DATA_HOME", ".local/share", &UserFolders::data},
    {"XDG_CACHE_HOME", ".cache", &UserFolders::cache},
    {"XDG_STATE_HOME", ".local/state", &UserFolders::state},
}};

std::string home_of_user() {
  passwd entry{};
  passwd* found = nullptr;
  std::vector<char> buffer(16384);
  if (getpwuid_r(getuid(), &entry, buffer.data(), buffer.size(), &found) != 0 || !found) return {};
  return found->pw_dir;
}

}  // namespace

UserFolders user_folders(const Environment& environment, const std::string& home) {
  const auto value = [&](const char* name) {
    const auto found = environment.find(name);
    return found == environment.end() ? std::string() : found->second;
  };
  const std::filesystem::path base = value("HOME").empty() ? home : value("HOME");
  UserFolders folders;
  for (const auto& folder : kXdgFolders) {
    const auto set = value(folder.variable);
    folders.*folder.member = normal_path(set.empty() ? base / folder.below_home : std::filesystem::path(set));
  }
  return folders;
}

UserFolders own_folders() {
  Environment environment;
  for (const char* name : {"HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"})
    if (const char* value = std::getenv(name)) environment[name] = value;
  return user_folders(environment, home_of_user());
}

UserFolders folders_in(const std::vector<std::string>& variables) {
  Environment environment;
  for (const auto& variable : variables)
    if (const auto equals = variable.find('='); equals != std::string::npos)
      environment.emplace(variable.substr(0, equals), variable.substr(equals + 1));
  return user_folders(environment, home_of_user());
}

std::optional<UserFolders> folders_of(pid_t pid) {
  const auto text = read_proc(pid, "environ");
  if (text.empty()) return std::nullopt;
  std::vector<std::string> variables;
  std::istringstream stream(text);
  for (std::string variable; std::getline(stream, variable, '\0');) variables.push_back(variable);
  return folders_in(variables);
}

std::string folder_difference(const UserFolders& folders, const UserFolders& expected) {
  std::string text;
  for (const auto& folder : kXdgFolders) {
    const auto &is = folders.*folder.member, &should = expected.*folder.member;
    if (is == should) continue;
    text += (text.empty() ? "" : ", ") + std::string(folder.variable) + " is " + is + ", not " + should;
  }
  return text;
}

}  // namespace virtsession
