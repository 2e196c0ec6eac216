// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/policy.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace virtsession {

/// What is known of the host. Nothing: not known (yet), which meets no condition.
struct HostFacts {
  std::optional<bool> on_ac_power = std::nullopt;
  std::optional<bool> graphical_session = std::nullopt;
  std::optional<std::uint64_t> available_memory_mib = std::nullopt;
  std::map<std::string, bool> paths = {};  ///< whether each watched path exists
  /// What is free for the user on the file system of each watched file, in bytes.
  std::map<std::string, std::uint64_t> free_bytes = {};
  std::map<std::string, bool> units = {};  ///< whether each watched unit of the user manager is active

  bool operator==(const HostFacts&) const = default;
};

/// Which facts somebody waits for: what the daemon has to watch, and no more.
struct WantedFacts {
  bool ac_power = false;
  bool graphical_session = false;
  bool memory = false;
  std::set<std::string> paths;
  std::set<std::string> free_bytes = {};  ///< files on whose file systems somebody waits for room
  std::set<std::string> units = {};       ///< of the user manager

  bool operator==(const WantedFacts&) const = default;
};

/// \param reserved_mib memory that VMs which are being started will take
/// \return what is not met, for a person: "AC power", "path /mnt/disk"; empty when the VM may start
std::vector<std::string> unmet_conditions(const Policy& policy, const HostFacts& facts, std::uint64_t reserved_mib);

/// Adds what `policy` asks about.
void add_wanted(WantedFacts& wanted, const Policy& policy);

}  // namespace virtsession
