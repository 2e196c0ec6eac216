// SPDX-License-Identifier: LGPL-2.1-or-later
#include "program.hpp"

#include "doctor/conf_file.hpp"
#include "text.hpp"
#include "util/files.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <system_error>

namespace virtsession::ctl {

std::string find_on_path(const std::string& program) {
  const char* const path = std::getenv("PATH");
  std::istringstream folders(path ? path : "/usr/local/bin:/usr/bin:/bin");
  for (std::string folder; std::getline(folders, folder, ':');) {
    const auto file = (folder.empty() ? "." : folder) + "/" + program;
    std::error_code ignored;
    if (std::filesystem::is_regular_file(file, ignored) && access(file.c_str(), X_OK) == 0) return file;
  }
  return {};
}

std::string install_hint(const std::string& before, const Package& package) {
  const auto text = read_file("/etc/os-release");
  const auto command = install_command(text && *text ? parse_distribution(**text) : Distribution::other, package);
  return command.empty() ? "" : before + command;
}

void become(Console& console, std::vector<std::string> words) {
  console.flush();
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  execvp(arguments[0], arguments.data());
  throw Failure(kFailed, "failed to run " + printable(words.front()) + ": " + std::strerror(errno));
}

}  // namespace virtsession::ctl
