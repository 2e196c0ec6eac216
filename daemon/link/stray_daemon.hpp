// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace virtsession {

/// A daemon of libvirt's that some client forked, into whatever cgroup it was in itself. It holds the locks that the
/// managed one needs, so that one cannot start.
struct StrayDaemon {
  pid_t pid = 0;        ///< 0: a process in a PID namespace that cannot be seen from here, a sandbox's
  std::string program;  ///< "libvirtd"
  std::string unit;     ///< the systemd unit of its cgroup, "session-3.scope"; may be empty
  /// Which of its folders are others than ours, for a person, as from folder_difference(): it has VMs that the managed
  /// one would not find. Empty when none.
  std::string other_folders = {};

  bool operator==(const StrayDaemon&) const = default;
};

/// The session daemon, libvirtd or virtqemud, that runs and is not the managed one: who holds libvirt's POSIX lock on
/// the daemon's PID file (libvirtd.pid, virtqemud.pid) or on that of its QEMU driver (qemu/run/driver.pid). A lock of a
/// process that is none of the user's daemons is nobody's business here. Reads a few files of /proc; from any thread.
/// \param runtime_dir XDG_RUNTIME_DIR \param managed_unit whose processes are not stray: "virtsession-libvirtd.service"
std::optional<StrayDaemon> find_stray_daemon(const std::string& runtime_dir, const std::string& managed_unit);

/// The same for virtlogd, which a client's daemon forks in its turn, and virtlogd.pid. The managed one has a PID file
/// of its own, to be able to work beside it.
std::optional<StrayDaemon> find_stray_logd(const std::string& runtime_dir);

/// "libvirtd (PID 123, in session-3.scope)"
std::string describe(const StrayDaemon& daemon);

}  // namespace virtsession
