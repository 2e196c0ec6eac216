// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "conditions/host_sources.hpp"
#include "conditions/uevent_monitor.hpp"
#include "systemd/system_bus.hpp"
#include "util/event_loop.hpp"
#include "util/log.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace virtsession {

/// Follows whether the host runs on mains, for as long as it lives: by UPower's OnBattery (org.freedesktop.UPower, on
/// the system bus, which it starts when it is installed), and where UPower is absent by sysfs, which is read when the
/// kernel announces a change. No polling. When the system bus is lost, sysfs serves until it is back.
/// Loop's thread only; the loop outlives it. The handshake with the bus is the one thing that waits, see SystemBus;
/// calls to UPower do not.
class AcPower {
 public:
  /// \param changed called on the loop when state() has changed; never from here, and it may not destroy the object
  AcPower(EventLoop& loop, HostSources sources, std::function<void()> changed);
  ~AcPower();
  AcPower(const AcPower&) = delete;
  AcPower& operator=(const AcPower&) = delete;

  /// Nothing while UPower's first answer is awaited, at most 5 s: sysfs and UPower may differ in what they count.
  std::optional<bool> on_ac_power() const { return on_ac_power_; }

 private:
  struct Bus;

  void opened(sdbus::IConnection& connection);
  void lost(const std::string& text);
  void ask();
  void owner_changed(const std::string& new_owner);
  void use_upower(bool on_battery);
  void use_kernel();
  void read_kernel();
  void set(bool on_ac_power);

  EventLoop& loop_;
  HostSources sources_;
  std::function<void()> changed_;
  std::optional<bool> on_ac_power_;
  std::unique_ptr<UeventMonitor> uevents_;  // while the kernel is the source
  log::Damped problem_;
  SystemBus system_bus_;
  std::unique_ptr<Bus> bus_;
  bool constructed_ = false;
};

}  // namespace virtsession
