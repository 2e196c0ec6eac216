// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "world.hpp"

namespace virtsession {

// A host with a battery, for tests of what VMs do on it.

inline const HostFacts kOnMains{.on_ac_power = true, .battery_charge = BatteryCharge::fine};
inline const HostFacts kOnBattery{.on_ac_power = false, .battery_charge = BatteryCharge::fine};
inline const HostFacts kLowBattery{.on_ac_power = false, .battery_charge = BatteryCharge::low};

inline const nlohmann::json kPauseOnBattery = {{"on_battery", "pause"}};
inline const nlohmann::json kSaveOnBattery = {{"on_battery", "save"}};
inline const nlohmann::json kPauseThenSave = {{"on_battery", "pause"}, {"on_low_battery", "save"}};

/// One with a VM "a" that runs, on mains.
inline World laptop_with(const nlohmann::json& policy) {
  World world;
  world.define("a", {.policy = policy, .running = true});
  world.connect();
  world.facts(kOnMains);
  return world;
}

/// The power has changed, and long enough ago.
inline void runs_on(World& world, const HostFacts& facts) {
  world.facts(facts);
  world.pass(6);
  world.deliver();
}

inline std::string laptop_state(World& world) { return std::string(to_text(world.domain("a").snapshot.state)); }

}  // namespace virtsession
