// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace virtsession {

/// Whether the host runs on mains, by the rule of systemd-ac-power(1): a mains or USB supply is online, or no battery
/// of the host discharges. A desktop, which has neither, runs on mains. Batteries of mice and the like do not count.
/// Reads a few small files of sysfs (power_supply in the kernel's ABI documents); what cannot be read does not count.
/// Any thread. \param power_supplies the folder with one folder for each supply
bool on_ac_power(const std::filesystem::path& power_supplies);

/// MemAvailable of the text of proc_meminfo(5), in MiB, rounded down; nothing when it is not there.
std::optional<std::uint64_t> available_memory_mib(std::string_view meminfo);
/// The same from the file; nothing when it cannot be read. Any thread.
std::optional<std::uint64_t> read_available_memory_mib(const std::filesystem::path& meminfo);

/// Whether `path` leads to something, as stat(2) has it: not for a link that leads nowhere, or without permission.
/// Blocks for as long as the file system does. Any thread.
bool path_exists(const std::filesystem::path& path);

/// What a user may still write to the file systems of these files, in bytes; files that cannot be asked about are left
/// out. See statvfs(3). Blocks as long as the file systems do.
std::map<std::string, std::uint64_t> read_free_bytes(const std::set<std::string>& files);

}  // namespace virtsession
