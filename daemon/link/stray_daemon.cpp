// SPDX-License-Identifier: LGPL-2.1-or-later
#include "link/stray_daemon.hpp"

#include "util/proc.hpp"
#include "util/unique_fd.hpp"
#include "util/user_folders.hpp"

#include <fcntl.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <span>
#include <string_view>
#include <system_error>

namespace virtsession {
namespace {

namespace fs = std::filesystem;

struct LockFile {
  std::string_view path;     ///< below the folder of libvirt in XDG_RUNTIME_DIR
  std::string_view program;  ///< what to call its holder when that cannot be seen
};

constexpr LockFile kDaemonLocks[] = {
    {"libvirtd.pid", "libvirtd"}, {"virtqemud.pid", "virtqemud"}, {"qemu/run/driver.pid", "a libvirt daemon"}};
constexpr std::string_view kDaemons[] = {"libvirtd", "virtqemud"};
constexpr LockFile kLogdLocks[] = {{"virtlogd.pid", "virtlogd"}};
constexpr std::string_view kLogd[] = {"virtlogd"};

// The kernel says 0 for a process of a PID namespace that is not below ours (fcntl_locking(2), F_GETLK).
std::optional<pid_t> lock_holder(const fs::path& path) {
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!file) return std::nullopt;
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  if (fcntl(file.get(), F_GETLK, &lock) < 0 || lock.l_type == F_UNLCK) return std::nullopt;
  return std::max(lock.l_pid, 0);
}

// Of the executable, which an upgrade may have replaced; of the name, where that cannot be read.
std::string program_of(pid_t pid) {
  std::error_code error;
  auto name = fs::read_symlink(proc_folder(pid) / "exe", error).filename().string();
  if (error) {
    std::ifstream comm(proc_folder(pid) / "comm");
    std::getline(comm, name);
  }
  constexpr std::string_view kDeleted = " (deleted)";
  if (name.ends_with(kDeleted)) name.resize(name.size() - kDeleted.size());
  return name;
}

std::optional<StrayDaemon> find_holder(const fs::path& folder, std::span<const LockFile> files,
                                       std::span<const std::string_view> programs) {
  for (const auto& file : files) {
    const auto pid = lock_holder(folder / file.path);
    if (!pid) continue;
    if (*pid == 0) return StrayDaemon{0, std::string(file.program), {}};
    const auto program = program_of(*pid);
    if (is_ours(*pid) && std::ranges::find(programs, program) != programs.end())
      return StrayDaemon{*pid, program, unit_of(*pid)};
  }
  return std::nullopt;
}

}  // namespace

std::optional<StrayDaemon> find_stray_daemon(const std::string& runtime_dir, const std::string& managed_unit) {
  auto found = find_holder(fs::path(runtime_dir) / "libvirt", kDaemonLocks, kDaemons);
  if (!found || found->unit == managed_unit) return std::nullopt;
  // Its folder for sockets and PID files is ours: it was found there.
  if (const auto folders = found->pid > 0 ? folders_of(found->pid) : std::nullopt)
    found->other_folders = folder_difference(*folders, own_folders());
  return found;
}

std::optional<StrayDaemon> find_stray_logd(const std::string& runtime_dir) {
  return find_holder(fs::path(runtime_dir) / "libvirt", kLogdLocks, kLogd);
}

std::string describe(const StrayDaemon& daemon) {
  if (daemon.pid == 0) return daemon.program + " (in a sandbox)";
  const auto where = daemon.unit.empty() ? std::string() : ", in " + daemon.unit;
  return daemon.program + " (PID " + std::to_string(daemon.pid) + where + ")";
}

}  // namespace virtsession
