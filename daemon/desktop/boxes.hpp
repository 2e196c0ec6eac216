// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <sdbus-c++/Types.h>

#include <functional>
#include <memory>

namespace sdbus {
class IConnection;
class IProxy;
}  // namespace sdbus

namespace virtsession {

/// Whether GNOME Boxes is open: it owns org.gnome.Boxes on the session bus, from its start until it has saved its VMs.
/// Main loop's thread only; the connection outlives it, and a BusSource drives it.
class Boxes {
 public:
  /// \param changed called from the connection's loop when Boxes is opened or closed, and at first if it is open
  Boxes(sdbus::IConnection& session_bus, std::function<void(bool open)> changed);
  ~Boxes();
  Boxes(const Boxes&) = delete;
  Boxes& operator=(const Boxes&) = delete;

 private:
  void set(bool open);

  std::function<void(bool open)> changed_;
  bool open_ = false;
  sdbus::Slot owner_;
  std::unique_ptr<sdbus::IProxy> driver_;
};

}  // namespace virtsession
