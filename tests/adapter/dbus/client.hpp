// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "dbus/object_path.hpp"
#include "dbus/variant.hpp"
#include "org.virtsession.Supervisor1.Manager-proxy.hpp"
#include "org.virtsession.Supervisor1.VM-proxy.hpp"
#include "support/private_bus.hpp"
#include "util/sdbus_compat.hpp"

#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace virtsession::test {

inline constexpr const char* kManagerInterface = "org.virtsession.Supervisor1.Manager";
inline constexpr const char* kVmInterface = "org.virtsession.Supervisor1.VM";
inline constexpr const char* kPropertiesInterface = "org.freedesktop.DBus.Properties";
inline constexpr const char* kInvalidArgs = "org.freedesktop.DBus.Error.InvalidArgs";
inline constexpr const char* kAccessDenied = "org.freedesktop.DBus.Error.AccessDenied";

/// How a call ended; the name is empty for a success.
struct Outcome {
  std::string error_name;
  std::string message;

  bool mentions(const std::string& text) const { return message.find(text) != std::string::npos; }
};

/// Runs `call`. \return the error that it throws, if any
template <class Call>
Outcome outcome_of(Call&& call) {
  try {
    call();
    return {};
  } catch (const sdbus::Error& error) {
    return {error.getName(), error.getMessage()};
  }
}

/// A signal under the root path. What it does not have is empty.
struct SeenSignal {
  std::string member;
  std::string path;                       ///< of the VM that was added or removed, or whose property changed
  std::string interface;                  ///< PropertiesChanged
  VariantMap changed;                     ///< PropertiesChanged
  std::map<std::string, VariantMap> all;  ///< InterfacesAdded
  std::vector<std::string> names;         ///< PropertiesChanged: invalidated; InterfacesRemoved: interfaces
};

class ManagerProxy final : public sdbus::ProxyInterfaces<org::virtsession::Supervisor1::Manager_proxy> {
 public:
  explicit ManagerProxy(sdbus::IConnection& connection)
      : ProxyInterfaces(connection, sdbus_compat::ServiceName(std::string(kBusName)),
                        sdbus::ObjectPath(std::string(kRootPath))) {
    registerProxy();
  }
  ~ManagerProxy() { unregisterProxy(); }
};

class VmProxy final : public sdbus::ProxyInterfaces<org::virtsession::Supervisor1::VM_proxy> {
 public:
  VmProxy(sdbus::IConnection& connection, const std::string& path)
      : ProxyInterfaces(connection, sdbus_compat::ServiceName(std::string(kBusName)), sdbus::ObjectPath(path)) {
    registerProxy();
  }
  ~VmProxy() { unregisterProxy(); }
};

/// A client of the service with a connection and a thread of its own.
class Client {
 public:
  using ManagedObjects = std::map<sdbus::ObjectPath, std::map<std::string, VariantMap>>;

  explicit Client(const PrivateBus& bus) : Client(bus.connect()) {}
  /// On a connection that nobody else reads.
  explicit Client(std::unique_ptr<sdbus::IConnection> connection);

  sdbus::IConnection& connection() { return *connection_; }
  /// All signals since the last call of this; none that the service has sent by now is missed.
  std::vector<SeenSignal> signals();
  ManagedObjects managed_objects();
  ManagerProxy& manager() { return *manager_; }
  VariantMap get_all(const std::string& path, const std::string& interface);
  void set(const std::string& path, const std::string& property, const sdbus::Variant& value);
  std::string introspect(const std::string& path);

  /// Calls a method and does not wait. \return its end, which one answer makes ready
  template <class... Arguments>
  std::future<Outcome> call(const std::string& path, const std::string& interface, const std::string& method,
                            const Arguments&... arguments) {
    auto proxy = proxy_to(path);
    auto promise = std::make_shared<std::promise<Outcome>>();
    auto future = promise->get_future();
    pending_.push_back(proxy->callMethodAsync(method)
                           .onInterface(interface)
                           .withArguments(arguments...)
                           .uponReplyInvoke([promise](sdbus_compat::AsyncError error) {
                             promise->set_value(error ? Outcome{error->getName(), error->getMessage()} : Outcome{});
                           }));
    proxies_.push_back(std::move(proxy));
    return future;
  }
  /// Like call() for a VM's method, and waits.
  template <class... Arguments>
  Outcome vm_call(const std::string& method, const Arguments&... arguments);

 private:
  std::unique_ptr<sdbus::IProxy> proxy_to(const std::string& path);
  void record(sdbus::Message& message);

  // Kept until the connection's thread has ended: it shares the count of a call's references with them, and sdbus-c++,
  // which is not instrumented, counts in a way that tsan cannot see.
  std::vector<sdbus::PendingAsyncCall> pending_;
  std::mutex mutex_;
  std::vector<SeenSignal> seen_;  // under mutex_
  std::unique_ptr<sdbus::IConnection> connection_;
  sdbus::Slot match_;
  std::unique_ptr<ManagerProxy> manager_;
  std::vector<std::unique_ptr<sdbus::IProxy>> proxies_;  // of calls that may not be answered yet
};

/// Waits for the end of a call, with a deadline.
Outcome wait_for(std::future<Outcome>& call);
inline Outcome wait_for(std::future<Outcome>&& call) { return wait_for(call); }

template <class... Arguments>
Outcome Client::vm_call(const std::string& method, const Arguments&... arguments) {
  return wait_for(call("/org/virtsession/Supervisor1/vm/_11111111_2222_3333_4444_555555555555", kVmInterface, method,
                       arguments...));
}

}  // namespace virtsession::test
