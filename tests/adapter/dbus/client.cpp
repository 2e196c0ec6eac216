// SPDX-License-Identifier: LGPL-2.1-or-later
#include "client.hpp"

#include "support/loop_until.hpp"

namespace virtsession::test {

Client::Client(std::unique_ptr<sdbus::IConnection> connection) : connection_(std::move(connection)) {
  match_ = sdbus_compat::add_match(*connection_, "type='signal',path_namespace='" + std::string(kRootPath) + "'",
                                   [this](sdbus::Message& message) { record(message); });
  manager_ = std::make_unique<ManagerProxy>(*connection_);
  connection_->enterEventLoopAsync();
}

void Client::record(sdbus::Message& message) {
  SeenSignal signal;
  signal.member = message.getMemberName();
  signal.path = message.getPath();
  if (signal.member == "PropertiesChanged") {
    message >> signal.interface >> signal.changed >> signal.names;
  } else {
    sdbus::ObjectPath path;
    message >> path;
    signal.path = path;
    if (signal.member == "InterfacesAdded")
      message >> signal.all;
    else
      message >> signal.names;
  }
  const std::lock_guard lock(mutex_);
  seen_.push_back(std::move(signal));
}

std::vector<SeenSignal> Client::signals() {
  // What the service sent before its answer arrives before it, and one thread dispatches all of it in order.
  const auto ping = wait_for(call(std::string(kRootPath), "org.freedesktop.DBus.Peer", "Ping"));
  REQUIRE(ping.error_name == "");
  const std::lock_guard lock(mutex_);
  return std::exchange(seen_, {});
}

std::unique_ptr<sdbus::IProxy> Client::proxy_to(const std::string& path) {
  return sdbus::createProxy(*connection_, sdbus_compat::ServiceName(std::string(kBusName)), sdbus::ObjectPath(path));
}

Client::ManagedObjects Client::managed_objects() {
  ManagedObjects objects;
  proxy_to(std::string(kRootPath))
      ->callMethod("GetManagedObjects")
      .onInterface("org.freedesktop.DBus.ObjectManager")
      .storeResultsTo(objects);
  return objects;
}

VariantMap Client::get_all(const std::string& path, const std::string& interface) {
  VariantMap properties;
  proxy_to(path)
      ->callMethod("GetAll")
      .onInterface(kPropertiesInterface)
      .withArguments(interface)
      .storeResultsTo(properties);
  return properties;
}

void Client::set(const std::string& path, const std::string& property, const sdbus::Variant& value) {
  proxy_to(path)
      ->callMethod("Set")
      .onInterface(kPropertiesInterface)
      .withArguments(std::string(kVmInterface), property, value);
}

std::string Client::introspect(const std::string& path) {
  std::string xml;
  proxy_to(path)->callMethod("Introspect").onInterface("org.freedesktop.DBus.Introspectable").storeResultsTo(xml);
  return xml;
}

Outcome wait_for(std::future<Outcome>& call) {
  if (call.wait_for(kDeadline) != std::future_status::ready) FAIL("Waited in vain for the answer to a call");
  return call.get();
}

}  // namespace virtsession::test
