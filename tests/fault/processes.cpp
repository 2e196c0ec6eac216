// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fault/processes.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

namespace virtsession::test {
namespace {

/// Empty when there is none any more: a process may end while it is read, which the stream throws.
std::string content(const std::filesystem::path& path) {
  try {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  } catch (const std::ios_base::failure&) {
    return {};
  }
}

/// "-name\0guest=web,debug-threads=on\0": the name; empty for a QEMU that libvirt asks what it can do.
std::string guest_of(const std::string& command_line) {
  const std::string word = "guest=";
  const auto at = command_line.find(word);
  if (at == std::string::npos) return {};
  const auto begin = at + word.size();
  return command_line.substr(begin, command_line.find_first_of(std::string(",\0", 2), begin) - begin);
}

pid_t parent_of(const std::string& stat) {
  // "PID (comm) state PPID": the comm may have spaces and parentheses in it.
  std::istringstream rest(stat.substr(std::min(stat.rfind(')') + 1, stat.size())));
  std::string state;
  pid_t parent = 0;
  rest >> state >> parent;
  return parent;
}

void add_cgroup(const std::filesystem::path& folder, std::vector<Process>& found) {
  std::istringstream pids(content(folder / "cgroup.procs"));
  for (std::string pid; std::getline(pids, pid);) {
    const auto proc = std::filesystem::path("/proc") / pid;
    Process process{static_cast<pid_t>(std::stol(pid)),
                    parent_of(content(proc / "stat")),
                    content(proc / "comm"),
                    folder.filename(),
                    {}};
    if (process.program.ends_with('\n')) process.program.pop_back();
    if (process.program.starts_with("qemu-system")) process.guest = guest_of(content(proc / "cmdline"));
    if (!process.program.empty()) found.push_back(std::move(process));
  }
  std::error_code gone;  // cgroups come and go meanwhile
  for (std::filesystem::directory_iterator entry(folder, gone), end; !gone && entry != end; entry.increment(gone))
    if (entry->is_directory(gone)) add_cgroup(entry->path(), found);
}

}  // namespace

std::vector<Process> processes_of_user(const Host& host) {
  std::vector<Process> found;
  if (!host.is_up()) return found;
  add_cgroup(host.outside_path("/sys/fs/cgroup/user.slice/user-" + std::to_string(host.uid_of(kUser)) + ".slice"),
             found);
  // One that was moved to another cgroup meanwhile may be there twice.
  std::ranges::stable_sort(found, {}, &Process::pid);
  const auto again = std::ranges::unique(found, {}, &Process::pid);
  found.erase(again.begin(), again.end());
  return found;
}

std::vector<Process> find_program(const Host& host, const std::string& program) {
  auto all = processes_of_user(host);
  std::erase_if(all, [&](const auto& process) { return process.program != program; });
  auto mains = all;
  std::erase_if(mains, [&](const auto& process) {
    return std::ranges::any_of(all, [&](const auto& other) { return other.pid == process.parent; });
  });
  return mains;
}

}  // namespace virtsession::test
