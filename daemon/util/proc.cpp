// SPDX-License-Identifier: LGPL-2.1-or-later
#include "util/proc.hpp"

#include "util/files.hpp"

#include <sys/stat.h>
#include <unistd.h>

namespace virtsession {

std::filesystem::path proc_folder(pid_t pid) { return "/proc/" + std::to_string(pid); }

std::string read_proc(pid_t pid, const char* name) {
  auto text = read_file(proc_folder(pid) / name);
  return text && *text ? **std::move(text) : std::string();
}

bool is_ours(pid_t pid) {
  struct stat status {};
  return stat(proc_folder(pid).c_str(), &status) == 0 && status.st_uid == geteuid();
}

std::string_view unit_of_cgroup(std::string_view cgroup) {
  // "0::/user.slice/..." in the unified hierarchy, "1:name=systemd:/user.slice/..." in the old one; where there are
  // both, the other may have the process at its root.
  for (const std::string_view hierarchy : {"0::/", ":name=systemd:/"}) {
    const auto line = cgroup.find(hierarchy);
    if (line == std::string_view::npos) continue;
    auto path = cgroup.substr(line + hierarchy.size() - 1);
    path = path.substr(0, path.find('\n'));
    while (!path.empty()) {
      const auto slash = path.rfind('/');
      const auto name = path.substr(slash + 1);
      if (name.ends_with(".scope") || name.ends_with(".service")) return name;
      path = path.substr(0, slash);
    }
  }
  return {};
}

std::string unit_of(pid_t pid) { return std::string(unit_of_cgroup(read_proc(pid, "cgroup"))); }

}  // namespace virtsession
