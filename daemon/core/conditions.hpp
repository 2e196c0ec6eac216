// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/path_facts.hpp"
#include "core/policy.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace virtsession {

/// How full the host's battery is.
enum class BatteryCharge {
  fine,  ///< or there is no battery
  low,
  not_told,  ///< UPower, which would tell, does not
};

/// What is known of the host. Nothing: not known (yet), which meets no condition.
struct HostFacts {
  std::optional<bool> on_ac_power = std::nullopt;
  std::optional<bool> graphical_session = std::nullopt;
  std::optional<std::uint64_t> available_memory_mib = std::nullopt;
  std::map<std::string, PathFacts> paths = {};  ///< of each watched path that has been looked at
  /// What is free for the user on the file system of each watched file, in bytes.
  std::map<std::string, std::uint64_t> free_bytes = {};
  std::map<std::string, bool> units = {};                 ///< whether each watched unit of the user manager is active
  std::optional<std::set<std::string>> usb_devices = {};  ///< "046d:c52b": vendor and product of what is plugged in
  std::optional<BatteryCharge> battery_charge = {};

  bool operator==(const HostFacts&) const = default;
};

/// Which facts somebody waits for: what the daemon has to watch, and no more.
struct WantedFacts {
  bool ac_power = false;
  bool graphical_session = false;
  bool memory = false;
  std::set<std::string> paths = {};
  std::set<std::string> free_bytes = {};  ///< files on whose file systems somebody waits for room
  std::set<std::string> units = {};       ///< of the user manager
  bool usb_devices = false;
  bool battery_charge = false;

  bool operator==(const WantedFacts&) const = default;
};

/// What is missing at a path, for a person: "/srv/fm does not answer"; empty when it is all there.
std::string missing_at(const std::string& path, const PathFacts& facts);

/// What a VM that may not start yet waits for.
struct UnmetConditions {
  std::vector<std::string> things;  ///< "AC power"
  std::vector<std::string> paths;   ///< missing_at()

  bool empty() const { return things.empty() && paths.empty(); }
};

/// \param free_memory_mib that there has to be; 0: it does not matter
/// \param reserved_mib memory that VMs which are being started will take
/// \return what is not met; empty when the VM may start
UnmetConditions unmet_conditions(const Policy& policy, std::int64_t free_memory_mib, const HostFacts& facts,
                                 std::uint64_t reserved_mib);

/// For a person: "waits for AC power; /srv/fm does not answer".
std::string to_text(const UnmetConditions& unmet);

/// Adds what `policy` asks about.
void add_wanted(WantedFacts& wanted, const Policy& policy);

}  // namespace virtsession
