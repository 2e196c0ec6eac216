// SPDX-License-Identifier: LGPL-2.1-or-later
#include "doctor/process_table.hpp"

#include "util/proc.hpp"

#include <sys/stat.h>

#include <charconv>
#include <cstddef>
#include <filesystem>
#include <sstream>
#include <string_view>

namespace virtsession {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

bool is_of_interest(std::string_view name) {
  return name == "libvirtd" || name == "virtqemud" || name == "virtlogd" || name.starts_with("qemu-system-") ||
         name == "qemu-kvm" || name == "kvm";
}

std::optional<ProcessInfo> read_process(pid_t pid, const std::string& folder) {
  ProcessInfo process;
  process.pid = pid;
  process.arguments = split(read_proc(pid, "cmdline"), '\0');
  if (process.arguments.empty()) return std::nullopt;
  process.name = fs::path(process.arguments[0]).filename();
  if (!is_of_interest(process.name)) return std::nullopt;
  struct stat status {};
  if (stat(folder.c_str(), &status) < 0) return std::nullopt;
  process.uid = status.st_uid;
  process.unit = unit_of(pid);
  return process;
}

}  // namespace

std::vector<ProcessInfo> read_processes() {
  std::vector<ProcessInfo> processes;
  std::error_code error;
  for (fs::directory_iterator entry("/proc", error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename();
    pid_t pid = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (parsed.ec != std::errc() || parsed.ptr != name.data() + name.size()) continue;
    if (auto process = read_process(pid, entry->path().string())) processes.push_back(*std::move(process));
  }
  return processes;
}

bool names_path(std::string_view command_line, std::string_view path) {
  if (path.empty()) return false;
  const auto is_end = [&](std::size_t at) {
    return at >= command_line.size() || command_line[at] == '\0' || command_line[at] == ',';
  };
  for (auto at = command_line.find(path); at != std::string_view::npos; at = command_line.find(path, at + 1)) {
    const char before = at == 0 ? '\0' : command_line[at - 1];
    if (before != '\0' && before != '=' && before != ',') continue;
    auto end = at + path.size();
    while (end < command_line.size() && command_line[end] == '/') ++end;
    if (is_end(end)) return true;
  }
  return false;
}

bool holds_socket(pid_t pid, std::uint32_t inode) {
  const std::string wanted = "socket:[" + std::to_string(inode) + "]";
  std::error_code error;
  const fs::path folder = "/proc/" + std::to_string(pid) + "/fd";
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code ignored;
    if (fs::read_symlink(entry->path(), ignored) == wanted) return true;
  }
  return false;
}

}  // namespace virtsession
