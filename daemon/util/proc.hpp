// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

/// What proc(5) tells of a process; nothing of one that has ended or may not be looked into.
namespace virtsession {

std::filesystem::path proc_folder(pid_t pid);

/// The text of /proc/PID/NAME.
std::string read_proc(pid_t pid, const char* name);

/// Whether it is this user's.
bool is_ours(pid_t pid);

/// When it was started, in clock ticks since the boot: with its PID, the name of one process among all of that boot.
std::optional<std::uint64_t> start_ticks(pid_t pid);

/// When it was started: CLOCK_REALTIME, microseconds, as of today's clock; 0 when that is not known.
std::uint64_t started_usec(pid_t pid);

/// \param cgroup the text of /proc/PID/cgroup, cgroups(7) \return the innermost systemd unit in it, or nothing. That is
/// a scope or a service; what a service makes below itself (a container) is not looked into.
std::string_view unit_of_cgroup(std::string_view cgroup);

/// The systemd unit a process is in, "session-3.scope".
std::string unit_of(pid_t pid);

}  // namespace virtsession
