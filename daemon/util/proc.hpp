// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <string_view>

/// What proc(5) tells of a process; nothing of one that has ended or may not be looked into.
namespace virtsession {

std::filesystem::path proc_folder(pid_t pid);

/// The text of /proc/PID/NAME.
std::string read_proc(pid_t pid, const char* name);

/// Whether it is this user's.
bool is_ours(pid_t pid);

/// \param cgroup the text of /proc/PID/cgroup, cgroups(7) \return the innermost systemd unit in it, or nothing. That is
/// a scope or a service; what a service makes below itself (a container) is not looked into.
std::string_view unit_of_cgroup(std::string_view cgroup);

/// The systemd unit a process is in, "session-3.scope".
std::string unit_of(pid_t pid);

}  // namespace virtsession
