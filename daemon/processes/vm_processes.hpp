// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/result.hpp"
#include "util/unique_fd.hpp"

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace virtsession {

/// The processes that libvirt's session daemon has started for a VM.
struct VmProcesses {
  pid_t qemu = 0;
  std::vector<pid_t> helpers;  ///< passt, slirp-helper, swtpm, virtiofsd, dbus-daemon ..., in ascending order
};

/// Finds a running VM's processes, by libvirt's pid files ($XDG_RUNTIME_DIR/libvirt, $XDG_CONFIG_HOME/libvirt) and
/// /proc. QEMU is the process of this user with the VM's UUID on its command line, whatever a pid file says. Reads some
/// small files and does not wait. \param domain_id of this run, which names the helpers
/// \return nothing when no QEMU of that VM runs
std::optional<VmProcesses> find_vm_processes(const std::string& name, const std::string& uuid, int domain_id);

/// Sends SIGTERM to a VM's QEMU, which syncs its disks and exits; no other process can get it, also when QEMU ends at
/// this moment. \return a pidfd, readable when QEMU has ended; `operation_failed` when there is no such process
Result<UniqueFd> terminate_qemu(const std::string& name, const std::string& uuid);

}  // namespace virtsession
