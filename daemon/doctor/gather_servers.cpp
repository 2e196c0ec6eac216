// SPDX-License-Identifier: LGPL-2.1-or-later
#include "doctor/gatherers.hpp"
#include "util/listening_sockets.hpp"
#include "util/proc.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <functional>
#include <system_error>

namespace virtsession {
namespace {

namespace fs = std::filesystem;

/// The service of the first process of this user that `serves` says serves it; empty when there is none.
std::string service_of(const std::function<bool(pid_t)>& serves) {
  std::error_code error;
  for (fs::directory_iterator entry("/proc", error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename();
    pid_t pid = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (parsed.ec != std::errc() || parsed.ptr != name.data() + name.size() || !is_ours(pid) || !serves(pid)) continue;
    const auto unit = unit_of(pid);
    if (unit.ends_with(".service")) return unit;  // else the user manager holds a socket for its service, too
  }
  return {};
}

bool has_open(pid_t pid, const std::string& file) {
  std::error_code error;
  for (fs::directory_iterator entry(proc_folder(pid) / "fd", error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code ignored;
    if (fs::read_symlink(entry->path(), ignored) == file) return true;
  }
  return false;
}

/// The kernel does not tell who serves a mount; all programs that do are told the mount point on their command line.
std::string server_of_mount(const std::string& mount_point) {
  return service_of(
      [&](pid_t pid) { return names_path(read_proc(pid, "cmdline"), mount_point) && has_open(pid, "/dev/fuse"); });
}

std::string server_of_socket(const std::string& path) {
  const auto sockets = listening_sockets();
  const auto* socket = sockets ? find_listening(*sockets, path) : nullptr;
  if (!socket) return {};
  return service_of([&](pid_t pid) { return holds_socket(pid, socket->inode); });
}

}  // namespace

std::vector<ServedDisk> find_served_disks(const DomainFacts& domain) {
  std::vector<ServedDisk> served;
  const auto add = [&](const std::string& target, const std::string& path, std::string unit) {
    if (!unit.empty()) served.push_back({target + " (" + path + ")", std::move(unit)});
  };
  for (const auto& image : domain.images)
    if (image.filesystem && image.filesystem->type.starts_with("fuse"))
      add(image.target, image.path, server_of_mount(image.filesystem->mount_point));
  for (const auto& socket : domain.disk_sockets) add(socket.target, socket.path, server_of_socket(socket.path));
  return served;
}

}  // namespace virtsession
