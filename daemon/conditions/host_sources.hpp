// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "conditions/mount_points.hpp"

#include <chrono>
#include <filesystem>
#include <string>

namespace virtsession {

/// Where what is known of the host comes from; a test has folders and intervals of its own.
struct HostSources {
  std::filesystem::path power_supplies = "/sys/class/power_supply";
  std::string power_subsystem = "power_supply";  ///< of the kernel's uevents that tell of a change there
  std::filesystem::path meminfo = "/proc/meminfo";
  std::chrono::milliseconds memory_interval = std::chrono::seconds(10);
  MountPointSources mount_points = {};
  std::filesystem::path usb_devices = "/sys/bus/usb/devices";
  std::string usb_subsystem = "usb";
  /// After the kernel has announced a device, until udev has given it to the user.
  std::chrono::milliseconds usb_settles = std::chrono::seconds(1);
};

}  // namespace virtsession
