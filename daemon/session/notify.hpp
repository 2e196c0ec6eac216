// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <chrono>
#include <string>

namespace virtsession {

/// Tells systemd how the service is, by sd_notify(3). Without NOTIFY_SOCKET in the environment nothing happens.
/// A failure is logged once and otherwise ignored. Main loop's thread only.
class Notify {
 public:
  /// The start has ended (Type=notify).
  void ready();
  /// The line that `systemctl --user status` shows; sent when it is another one than before.
  void status(const std::string& text);
  void stopping();
  /// The configuration is read again; ready() must follow. `now` is CLOCK_MONOTONIC, as Type=notify-reload wants.
  void reloading(std::chrono::steady_clock::time_point now);
  /// Asks for more time to start or stop: `from_now` on, systemd waits this long for the next call.
  void extend_timeout(std::chrono::microseconds from_now);

 private:
  void send(const std::string& state);

  std::string status_;
  bool failed_ = false;
};

}  // namespace virtsession
