// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dbus/caller.hpp"

#include "dbus/guard.hpp"
#include "dbus/text.hpp"
#include "util/sdbus_compat.hpp"

#include <fstream>
#include <iterator>
#include <utility>

namespace virtsession {

namespace {

std::string read_proc(std::uint32_t pid, const char* file) {
  std::ifstream stream("/proc/" + std::to_string(pid) + "/" + file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

}  // namespace

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

std::string_view unit_of_cgroup(std::string_view cgroup) {
  // "0::/user.slice/.../app-x.scope/child" in the unified hierarchy, "1:name=systemd:/..." in the old one
  auto start = cgroup.find("0::/");
  if (const auto legacy = cgroup.find(":name=systemd:/"); legacy != std::string_view::npos) start = legacy;
  if (start == std::string_view::npos) return {};
  std::string_view path = cgroup.substr(cgroup.find('/', start));
  path = path.substr(0, path.find('\n'));
  while (!path.empty()) {
    const auto slash = path.rfind('/');
    const std::string_view name = path.substr(slash + 1);
    if (name.ends_with(".scope") || name.ends_with(".service")) return name;
    path = path.substr(0, slash);
  }
  return {};
}

std::string describe_caller(const std::string& sender, std::uint32_t pid) {
  const std::string who = "D-Bus client " + sender;
  if (pid == 0) return who;
  std::string command = read_proc(pid, "comm");
  if (command.empty()) return who + " (pid " + std::to_string(pid) + ")";
  if (command.back() == '\n') command.pop_back();
  std::string text = who + " (" + command + ", pid " + std::to_string(pid);
  const std::string cgroup = read_proc(pid, "cgroup");
  if (const auto unit = unit_of_cgroup(cgroup); !unit.empty()) text.append(", ").append(unit);
  return valid_utf8(text + ")");
}

}  // namespace virtsession
