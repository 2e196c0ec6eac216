// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <string_view>

namespace virtsession {

/// What proc(5) has of a process.
std::filesystem::path proc_folder(pid_t pid);

/// A file whole, also one of proc(5), whose size cannot be asked. Empty when it cannot be read.
std::string read_text(const std::filesystem::path& path);

/// Whether a process runs, and as this user.
bool is_ours(pid_t pid);

/// The systemd unit a process is in, "session-3.scope"; empty when it has ended, or is in no scope or service.
std::string unit_of(pid_t pid);
/// The same from the text of /proc/PID/cgroup, cgroups(7).
std::string_view innermost_unit(std::string_view cgroup);

}  // namespace virtsession
