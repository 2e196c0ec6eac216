// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/cause.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace sdbus {
class IConnection;
class IProxy;
}  // namespace sdbus

namespace virtsession {

/// Who calls, for the history and the journal: "virt-manager"; ":1.42, pid 123, app-virt\x2dmanager-123.scope".
/// The bus is asked for the process id without blocking; name and unit are then read from /proc.
/// Main loop's thread only. Destroying it drops what is pending.
class Callers {
 public:
  using Known = std::function<void(const Caller& caller)>;

  explicit Callers(sdbus::IConnection& connection);
  ~Callers();

  /// Calls `known` once, later, from the loop, in the order of the calls to identify(): the bus answers in order. A
  /// client that has left by then, or whose process cannot be read, is known by its bus name only.
  /// \param sender unique bus name of the caller \param what the call, for the log when `known` throws
  /// \throws sdbus::Error when the bus is gone
  void identify(const std::string& sender, const std::string& what, Known known);

 private:
  std::unique_ptr<sdbus::IProxy> bus_;
};

/// \param pid 0 when it is not known \return the name of its program, "a D-Bus client" when that cannot be read, with
/// "SENDER, pid PID, UNIT" as far as /proc has it
Caller describe_caller(const std::string& sender, std::uint32_t pid);

}  // namespace virtsession
