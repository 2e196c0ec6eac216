// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "conditions/host_sources.hpp"
#include "conditions/uevent_monitor.hpp"
#include "core/conditions.hpp"
#include "systemd/system_bus.hpp"
#include "util/event_loop.hpp"
#include "util/log.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace virtsession {

/// Follows what the host runs on, for as long as it lives: whether it is on mains by UPower's OnBattery
/// (org.freedesktop.UPower, on the system bus, which it starts when it is installed), and where UPower is absent by
/// sysfs, which is read when the kernel announces a change; how full the battery is by UPower's WarningLevel alone. No
/// polling. When the system bus is lost, sysfs serves until it is back.
/// Loop's thread only; the loop outlives it. The handshake with the bus is the one thing that waits, see SystemBus;
/// calls to UPower do not.
class PowerSupply {
 public:
  /// \param changed called on the loop when an answer has changed; never from here, and it may not destroy the object
  PowerSupply(EventLoop& loop, HostSources sources, std::function<void()> changed);
  ~PowerSupply();
  PowerSupply(const PowerSupply&) = delete;
  PowerSupply& operator=(const PowerSupply&) = delete;

  /// Nothing while UPower's first answer is awaited, at most 5 s: sysfs and UPower may differ in what they count.
  std::optional<bool> on_ac_power() const { return on_ac_power_; }
  /// Whether charge() is followed, which UPower tells of every few minutes.
  void follow_charge(bool wanted);
  /// Nothing while it is not followed, and until UPower has answered.
  std::optional<BatteryCharge> charge() const { return charge_; }

 private:
  struct Bus;

  void opened(sdbus::IConnection& connection);
  void lost(const std::string& reason);
  void owner_changed(const std::string& new_owner);
  void ask_charge();
  BatteryCharge untold_charge() const;
  void use_upower(bool on_battery);
  void use_kernel();
  void read_kernel();
  void set(bool on_ac_power);
  void set_charge(std::optional<BatteryCharge> charge);

  EventLoop& loop_;
  HostSources sources_;
  std::function<void()> changed_;
  std::optional<bool> on_ac_power_;
  bool follows_charge_ = false;
  std::optional<BatteryCharge> charge_;
  std::unique_ptr<UeventMonitor> uevents_;  // while the kernel is the source
  log::Damped problem_;
  SystemBus system_bus_;
  std::unique_ptr<Bus> bus_;
  bool constructed_ = false;
};

}  // namespace virtsession
