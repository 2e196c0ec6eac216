// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fault/session_bus.hpp"

#include "e2e/support/bus.hpp"

#include <exception>

namespace virtsession::test {

sdbus::IConnection& SessionBus::connection() {
  if (!connection_) connection_ = connect_to_user_bus(host_, kUser);
  return *connection_;
}

std::optional<Said> SessionBus::ask(std::chrono::milliseconds limit) {
  try {
    Client::ManagedObjects objects;
    VariantMap manager;
    const auto proxy = sdbus::createProxy(connection(), sdbus_compat::ServiceName(std::string(kBusName)),
                                          sdbus::ObjectPath(std::string(kRootPath)));
    proxy->callMethod("GetManagedObjects")
        .onInterface("org.freedesktop.DBus.ObjectManager")
        .withTimeout(limit)
        .storeResultsTo(objects);
    proxy->callMethod("GetAll")
        .onInterface(kPropertiesInterface)
        .withTimeout(limit)
        .withArguments(std::string(kManagerInterface))
        .storeResultsTo(manager);
    const auto text = [](const VariantMap& from, const char* name) { return from.at(name).get<std::string>(); };
    Said said{text(manager, "LibvirtState"), text(manager, "StopState"), text(manager, "AutostartState"), {}};
    for (const auto& [path, interfaces] : objects) {
      const auto vm = interfaces.find(kVmInterface);
      if (vm == interfaces.end()) continue;
      const auto& of = vm->second;
      said.vms[text(of, "Name")] = {path,
                                    text(of, "State"),
                                    text(of, "Phase"),
                                    text(of, "PhaseReason"),
                                    text(of, "Intent"),
                                    text(of, "Scope"),
                                    of.at("Autostart").get<bool>()};
    }
    return said;
  } catch (const std::exception&) {
    connection_.reset();  // no bus, no service, or no answer
    return std::nullopt;
  }
}

bool SessionBus::send(const std::string& path, const std::string& interface, const std::string& method,
                      const VariantMap& options) {
  try {
    const auto proxy =
        sdbus::createProxy(connection(), sdbus_compat::ServiceName(std::string(kBusName)), sdbus::ObjectPath(path));
    proxy->callMethod(method).onInterface(interface).withArguments(options).dontExpectReply();
    return true;
  } catch (const std::exception&) {
    connection_.reset();
    return false;
  }
}

}  // namespace virtsession::test
