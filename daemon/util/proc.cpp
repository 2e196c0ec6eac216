// SPDX-License-Identifier: LGPL-2.1-or-later
#include "util/proc.hpp"

#include "util/files.hpp"

#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <sstream>

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

/// The 22nd field of /proc/PID/stat, proc(5). The second one may hold anything.
std::optional<std::uint64_t> start_ticks(pid_t pid) {
  const auto stat = read_proc(pid, "stat");
  const auto name_end = stat.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream fields(stat.substr(name_end + 1));
  std::string field;
  for (int number = 3; number < 22; ++number) fields >> field;
  std::uint64_t ticks = 0;
  return fields >> ticks ? std::optional(ticks) : std::nullopt;
}

std::uint64_t started_usec(pid_t pid) {
  const auto ticks = start_ticks(pid);
  timespec since_boot{}, wall{};
  if (!ticks || clock_gettime(CLOCK_BOOTTIME, &since_boot) < 0 || clock_gettime(CLOCK_REALTIME, &wall) < 0) return 0;
  const auto usec = [](const timespec& time) {
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000 + static_cast<std::uint64_t>(time.tv_nsec) / 1000;
  };
  const auto after_boot = *ticks * 1'000'000 / static_cast<std::uint64_t>(sysconf(_SC_CLK_TCK));
  return usec(wall) - usec(since_boot) + after_boot;
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
