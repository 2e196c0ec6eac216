// SPDX-License-Identifier: LGPL-2.1-or-later
#include "processes/memory_kills.hpp"

#include "util/files.hpp"

#include <charconv>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

namespace virtsession {

namespace {

std::string text_of_file(const std::filesystem::path& path) {
  auto text = read_file(path);
  return text && *text ? **std::move(text) : std::string();
}

/// The cgroup of the user manager, whose units have theirs below it: "/user.slice/.../user@1000.service".
std::string manager_of(const std::string& own_cgroup) {
  const auto begin = own_cgroup.find("0::/");
  if (begin == std::string::npos) return {};
  const auto path = own_cgroup.substr(begin + 3, own_cgroup.find('\n', begin) - begin - 3);
  const auto manager = path.find("/user@");
  return manager == std::string::npos ? std::string() : path.substr(0, path.find('/', manager + 1));
}

std::filesystem::path events_of_slice(const MemoryKillSources& sources) {
  const auto manager = manager_of(text_of_file(sources.own_cgroup));
  const auto folder = sources.cgroups / manager.substr(manager.empty() ? 0 : 1);
  std::error_code error;
  if (manager.empty() || !std::filesystem::exists(folder / "memory.events", error)) return sources.vmstat;
  return folder / "virtsession.slice/memory.events";
}

}  // namespace

MemoryKills::MemoryKills(MemoryKillSources sources) : events_(events_of_slice(sources)), seen_(count()) {}

/// Both files have a line "oom_kill N". A slice that is not there has killed nobody.
std::uint64_t MemoryKills::count() const {
  std::istringstream lines(text_of_file(events_));
  std::string name;
  std::uint64_t number = 0;
  while (lines >> name >> number)
    if (name == "oom_kill") return number;
  return 0;
}

bool MemoryKills::any_new() {
  const auto now = count();
  return std::exchange(seen_, now) < now;
}

}  // namespace virtsession
