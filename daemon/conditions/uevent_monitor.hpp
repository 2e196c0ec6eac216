// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "util/event_loop.hpp"
#include "util/unique_fd.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace virtsession {

/// Tells when the kernel announces a change of devices of one subsystem: the messages that udev lives on
/// (kobject-uevent of netlink(7)), which any user may listen to. Taken from the kernel and not from udev, since nothing
/// of udev's is needed and some containers have none. Loop's thread only; the loop outlives it.
class UeventMonitor {
 public:
  using Handler = std::function<void()>;

  /// \param changed called once for all messages that are there; it may destroy the monitor
  /// \throws std::system_error when the kernel gives no socket
  UeventMonitor(EventLoop& loop, std::string subsystem, Handler changed);
  UeventMonitor(const UeventMonitor&) = delete;
  UeventMonitor& operator=(const UeventMonitor&) = delete;

 private:
  void receive();

  std::string subsystem_;
  Handler changed_;
  UniqueFd fd_;
  EventSource source_;  // goes before the descriptor it watches
};

/// Whether a message of the kernel's ("change@/devices/..." and NAME=value, each with a NUL) is of this subsystem.
bool is_uevent_of(std::string_view message, std::string_view subsystem);

}  // namespace virtsession
