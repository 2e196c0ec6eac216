// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/result.hpp"
#include "core/views.hpp"
#include "dbus/api.hpp"

#include <memory>
#include <string>

namespace sdbus {
class IConnection;
}

namespace virtsession {

/// Everything that virtsession has on the bus: the root object and one object for each VM. Whoever has it tells it what
/// is so, once for each pass of the loop; it announces what differs. Main loop's thread only. The connection and the
/// Api outlive it; destroying it answers open calls with Error.ShuttingDown and removes the objects.
class Tree {
 public:
  /// Registers the root object. \throws sdbus::Error when the path is taken on this connection
  Tree(sdbus::IConnection& connection, Api& api);
  ~Tree();
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;

  /// Makes the objects reachable by name: call it once all of them stand. Blocks for the bus's answer.
  /// \return `busy` when another process owns the name, which the text tells; `operation_failed` when the bus refuses
  Result<void> request_name();

  /// A new VM is announced with InterfacesAdded, a known one with one PropertiesChanged of what differs, if anything.
  void update(const VmView& view);
  /// Announces InterfacesRemoved. Open calls on that VM are still answered. A VM that is not known is ignored.
  void remove(const std::string& uuid);
  /// One PropertiesChanged of what differs, if anything. The version is meant to stay what it was first.
  void update(const ManagerView& view);

 private:
  struct Objects;
  sdbus::IConnection& connection_;
  std::unique_ptr<Objects> objects_;
};

}  // namespace virtsession
