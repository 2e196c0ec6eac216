// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/port_spec.hpp"

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace virtsession {

/// The process of a socket.
struct PortHolder {
  pid_t pid = 0;
  std::string name;  ///< of its program; of a QEMU the VM that it runs: VM "web"
};

/// Somebody who listens on a TCP port, or has a UDP port, in this network namespace.
struct PortListener {
  HostPort host;
  uid_t uid = 0;            ///< whose
  std::uint64_t inode = 0;  ///< of the socket, as in /proc/PID/fd
  /// Nothing until find_holders(), and for a process that this one may not look into: another user's, as a rule.
  std::optional<PortHolder> holder = {};
};

/// All of them, from /proc/net/{tcp,udp}{,6}; see proc_net_tcp in the kernel's documentation. Blocks shortly.
std::vector<PortListener> port_listeners();

/// Finds out whose they are, in one look through /proc, which may hang as the kernel does.
void find_holders(std::vector<PortListener>& listeners);

/// "nginx (pid 12)", "a process of root"
std::string holder_text(const PortListener& listener);

/// Who keeps others from listening there, for a person: "nginx (pid 12)", "a process of root". Empty when nobody does.
/// Blocks as find_holders() does.
std::string who_listens_at(const HostPort& host);

}  // namespace virtsession
