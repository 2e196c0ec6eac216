// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/supervisor.hpp"

#include <functional>
#include <memory>
#include <string>

namespace sdbus {
class IConnection;
}

namespace virtsession {

/// What the buttons do. Called on the loop, inside a message handler of the bus: they may call the Notifications but
/// not destroy it, and must not throw.
struct NotificationActions {
  /// "Try again", of a VM that gave up. The notification is closed, and a later notice counts as new.
  std::function<void(const std::string& uuid)> try_again;
  /// "Show details": the text that then takes the place of the notification's.
  std::function<std::string(const Notice& notice)> details;
};

/// Notices on the desktop, through the Desktop Notifications Specification 1.2 (org.freedesktop.Notifications on the
/// session bus, which starts the server when it can). One notification for each VM and incident: it is updated when the
/// text changes, does not come back while what the user has closed stays the same, and is closed when it is over.
/// Without a server nothing is shown but a line in the debug log, until one appears on the bus. No call waits.
/// Loop's thread only; the connection outlives it.
class Notifications {
 public:
  /// Switched off at first: nothing is asked of the bus before set_enabled(true).
  Notifications(sdbus::IConnection& session_bus, NotificationActions actions);
  ~Notifications();
  Notifications(const Notifications&) = delete;
  Notifications& operator=(const Notifications&) = delete;

  /// Shows the notice, or changes the one of this VM and incident. While switched off it is only kept.
  void show(const Notice& notice);
  /// Forgets the notice, and closes its notification. Costs nothing when there is none.
  void withdraw(const WithdrawNotice& withdrawn);
  /// Off: what is shown is closed. On: what has not been withdrawn by now is shown.
  void set_enabled(bool enabled);

 private:
  class Client;
  std::unique_ptr<Client> client_;
};

}  // namespace virtsession
