// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/restart.hpp"
#include "host/host_sources.hpp"
#include "host/uevent_monitor.hpp"
#include "util/event_loop.hpp"
#include "util/log.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace sdbus {
class IConnection;
class IProxy;
}  // namespace sdbus

namespace virtsession {

class BusSource;

/// Follows whether the host runs on mains, for as long as it lives: by UPower's OnBattery (org.freedesktop.UPower, on
/// the system bus, which it starts when it is installed), and where UPower is absent by sysfs, which is read when the
/// kernel announces a change. No polling. When the system bus is lost, sysfs serves until it is back.
/// Loop's thread only; the loop outlives it. The handshake with the bus is the one thing that waits, for the broker of
/// the system bus (DBUS_SYSTEM_BUS_ADDRESS); calls to UPower do not.
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

  void connect();
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
  std::unique_ptr<Bus> bus_;
  Timer reconnect_;
  Backoff backoff_;
  std::uint32_t attempt_ = 0;
  log::Damped problem_;
  bool constructed_ = false;
};

}  // namespace virtsession
