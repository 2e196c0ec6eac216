// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dbus/caller.hpp"

#include "dbus/guard.hpp"
#include "dbus/text.hpp"
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

std::string describe_caller(const std::string& sender, std::uint32_t pid) {
  const std::string who = "D-Bus client " + sender;
  if (pid == 0) return who;
  const auto process = static_cast<pid_t>(pid);
  std::string command = read_proc(process, "comm");
  if (command.empty()) return who + " (pid " + std::to_string(pid) + ")";
  if (command.back() == '\n') command.pop_back();
  std::string text = who + " (" + command + ", pid " + std::to_string(pid);
  if (const auto unit = unit_of(process); !unit.empty()) text.append(", ").append(unit);
  return valid_utf8(text + ")");
}

}  // namespace virtsession
