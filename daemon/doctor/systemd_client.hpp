// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/result.hpp"
#include "util/unique_c_ptr.hpp"

#include <systemd/sd-bus.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace virtsession {

/// A systemd manager, asked with calls that wait: for a thread that may. On sd-bus itself, since sdbus-c++ 1.2 loses
/// the memory of a connection that cannot be opened, and has no limit for a bus that accepts and says nothing. See
/// org.freedesktop.systemd1(5). All failures are `operation_failed`, in the words of sd-bus or systemd.
class SystemdClient {
 public:
  /// Connects, and waits until the bus has answered. \param limit for that, and for each call
  static Result<SystemdClient> connect(const std::string& address, std::chrono::milliseconds limit);

  struct Unit {
    std::string name;
    std::string load_state;
    std::string active_state;
    std::string path;  ///< its object
  };
  /// One for each name; of a unit that is not there, too.
  Result<std::vector<Unit>> list(const std::vector<std::string>& names);
  /// enabled, disabled ...
  Result<std::string> file_state(const std::string& unit);
  /// The object of a unit that is loaded.
  Result<std::string> path_of(const std::string& unit);
  Result<std::string> text_property(const std::string& path, const char* interface, const char* name);
  /// What the manager gives the units that it starts (systemctl show-environment).
  Result<std::vector<std::string>> environment();
  Result<std::uint64_t> number_property(const std::string& path, const char* interface, const char* name);

 private:
  using Bus = UniqueCPtr<sd_bus, sd_bus_close_unref>;

  explicit SystemdClient(Bus bus) : bus_(std::move(bus)) {}
  Result<std::string> ask(const char* method, const std::string& unit, const char* type);

  Bus bus_;
};

}  // namespace virtsession
