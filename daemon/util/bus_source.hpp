// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <functional>
#include <memory>
#include <string>

namespace sdbus {
class IConnection;
}

namespace virtsession {

class EventLoop;

/// Lets an EventLoop drive a bus connection, as sd_bus_get_fd(3), sd_bus_get_events(3) and sd_bus_get_timeout(3) ask
/// for. One message is handled per dispatch, so that a busy client cannot keep timers and signals waiting. Loop's
/// thread only; connection and loop outlive it. The connection may be used on that thread at any time.
class BusSource {
 public:
  using Lost = std::function<void(const std::string& text)>;

  /// \param on_lost may be empty; called at most once, from the loop, when the bus is gone. By then the connection is
  /// not driven any more and every call on it fails. `text` is for a person. It may destroy the BusSource.
  BusSource(EventLoop& loop, sdbus::IConnection& connection, Lost on_lost);
  ~BusSource();
  BusSource(const BusSource&) = delete;
  BusSource& operator=(const BusSource&) = delete;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace virtsession
