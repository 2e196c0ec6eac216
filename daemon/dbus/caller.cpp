// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dbus/caller.hpp"

#include "core/utf8.hpp"
#include "dbus/guard.hpp"
#include "util/proc.hpp"
#include "util/sdbus_compat.hpp"

#include <utility>

namespace virtsession {

Callers::Callers(sdbus::IConnection& connection)
    : bus_(sdbus::createProxy(connection, sdbus_compat::ServiceName("org.freedesktop.DBus"),
                              sdbus::ObjectPath("/org/freedesktop/DBus"))) {}

Callers::~Callers() = default;

void Callers::identify(const std::string& sender, const std::string& what, Known known) {
  bus_->callMethodAsync("GetConnectionUnixProcessID")
      .onInterface("org.freedesktop.DBus")
      .withArguments(sender)
      .uponReplyInvoke([sender, what, known = std::move(known)](sdbus_compat::AsyncError error, std::uint32_t pid) {
        // The last resort: sdbus-c++ swallows what it knows here, and dies of the rest.
        try {
          known(describe_caller(sender, error ? 0 : pid));
        } catch (...) {
          static_cast<void>(error_in_flight(what));
        }
      });
}

Caller describe_caller(const std::string& sender, std::uint32_t pid) {
  const auto process = static_cast<pid_t>(pid);
  std::string command = pid == 0 ? std::string() : read_proc(process, "comm");
  if (!command.empty() && command.back() == '\n') command.pop_back();
  std::string client = sender;
  if (pid != 0) client += ", pid " + std::to_string(pid);
  if (const auto unit = pid == 0 ? std::string() : unit_of(process); !unit.empty()) client += ", " + unit;
  return {command.empty() ? "a D-Bus client" : valid_utf8(command), valid_utf8(client)};
}

}  // namespace virtsession
