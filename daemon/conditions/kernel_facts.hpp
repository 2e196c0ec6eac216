// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/path_facts.hpp"

#include <cstdint>
#include <filesystem>
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

/// Whether the host has a battery, in the same way.
bool has_battery(const std::filesystem::path& power_supplies);

/// MemAvailable of the text of proc_meminfo(5), in MiB, rounded down; nothing when it is not there.
std::optional<std::uint64_t> available_memory_mib(std::string_view meminfo);
/// The same from the file; nothing when it cannot be read. Any thread.
std::optional<std::uint64_t> read_available_memory_mib(const std::filesystem::path& meminfo);

/// What is at an absolute path: a link that leads nowhere, or a path without permission, is nothing.
/// Blocks for as long as the file system does. Any thread.
PathFacts look_at_path(const std::string& path);

/// "046d:c52b" for each USB device that is plugged in, by vendor and product. From sysfs. Any thread.
/// \param devices the folder with one folder for each device
std::set<std::string> read_usb_devices(const std::filesystem::path& devices);

/// What a user may still write to the file system of this file, in bytes; nothing when it cannot be asked about. See
/// statvfs(3). Blocks for as long as the file system does. Any thread.
std::optional<std::uint64_t> read_free_bytes(const std::string& file);

}  // namespace virtsession
