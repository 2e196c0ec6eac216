// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/backoff.hpp"
#include "util/event_loop.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace sdbus {
class IConnection;
}

namespace virtsession {

class BusSource;

/// A connection of its own to the system bus (DBUS_SYSTEM_BUS_ADDRESS). When it is lost, or there is no such bus, it is
/// opened again, after longer and longer waits, for as long as the object lives. Loop's thread only; the loop outlives
/// it. The handshake is the one thing that waits, for the broker of the bus.
class SystemBus {
 public:
  /// Makes what needs the connection: proxies and matches. An sdbus::Error that leaves it counts as a lost connection.
  using Opened = std::function<void(sdbus::IConnection& connection)>;
  /// Called from open() or the loop: all that was made of the connection has to go now. `reason` is for a person.
  using Lost = std::function<void(const std::string& reason)>;

  SystemBus(EventLoop& loop, Opened opened, Lost lost);
  ~SystemBus();
  SystemBus(const SystemBus&) = delete;
  SystemBus& operator=(const SystemBus&) = delete;

  void open();
  /// The bus has answered, so that the next loss is the first again.
  void answered() { attempt_ = 0; }

 private:
  void lose(const std::string& reason);

  EventLoop& loop_;
  Opened opened_;
  Lost lost_;
  // In the order in which they need each other.
  std::unique_ptr<sdbus::IConnection> connection_;
  std::unique_ptr<BusSource> source_;
  Timer reopen_;
  Backoff backoff_;
  std::uint32_t attempt_ = 0;
};

}  // namespace virtsession
