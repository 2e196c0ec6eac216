// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace virtsession {

/// A process as /proc shows it; see proc(5).
struct ProcessInfo {
  pid_t pid = 0;
  uid_t uid = 0;
  std::string name;                    ///< of its program: the last part of the first argument
  std::vector<std::string> arguments;  ///< empty for a kernel thread and a zombie
  std::string unit;                    ///< systemd's, the innermost of its cgroup; may be empty
};

/// The processes with such a name: libvirt daemons and QEMUs, of all users. May hang when the kernel does, as for a
/// process in the middle of a core dump.
std::vector<ProcessInfo> read_processes();

/// Whether a program was started with that path: as an argument, or as the value of an option ("--to=PATH", "-o
/// a=PATH,b"). A longer path ("PATH2", "PATH/x") and one on another machine ("host:PATH") are not it. \param
/// command_line as in /proc/PID/cmdline
bool names_path(std::string_view command_line, std::string_view path);

/// Whether the process holds that socket; false also when it may not be looked into.
bool holds_socket(pid_t pid, std::uint32_t inode);

}  // namespace virtsession
