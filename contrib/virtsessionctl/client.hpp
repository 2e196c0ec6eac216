// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "dbus/variant.hpp"
#include "org.virtsession.Supervisor1.Manager-proxy.hpp"
#include "org.virtsession.Supervisor1.VM-proxy.hpp"
#include "util/sdbus_compat.hpp"
#include "vm_info.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace virtsession::ctl {

class Console;

class ManagerProxy final : public sdbus::ProxyInterfaces<org::virtsession::Supervisor1::Manager_proxy> {
 public:
  ManagerProxy(sdbus::IConnection& connection, const std::string& service);
  ~ManagerProxy();
};

/// virtsessiond as seen over the session bus. Calls wait for their answer; nothing else runs meanwhile. It is spoken to
/// under its unique name: a virtsessiond that is not there is never started by accident.
/// How long a verb that only looks waits for what is on its way.
constexpr std::chrono::seconds kLookingWait{3};

class Client {
 public:
  /// \throws Failure when there is no session bus
  Client();

  /// \return whether virtsessiond runs; looks again at every call
  bool find();
  /// For verbs that only look: starting virtsessiond would start the marked VMs. \throws Failure when it does not run
  void require();
  /// For verbs that change something: starts virtsessiond when it does not run, as D-Bus activation does, and says so.
  void require_or_start(Console& console);

  /// \name After one of the above
  /// @{
  ManagerProxy& manager() { return *manager_; }
  Properties manager_properties();
  /// All VMs, by name.
  std::vector<VmInfo> vms();
  /// Gives a connection to libvirt that is being made a moment to get there. \return whether it is ready
  bool wait_for_libvirt(std::chrono::milliseconds at_most = kLookingWait);
  /// \throws Failure when there is no connection to libvirt, so that nothing can be done to a VM
  void require_libvirt();
  std::unique_ptr<sdbus::IProxy> proxy_to(const std::string& path);
  const std::string& service() const { return service_; }
  sdbus::IConnection& connection() { return *connection_; }
  /// @}

 private:
  std::unique_ptr<sdbus::IConnection> connection_;
  std::unique_ptr<sdbus::IProxy> bus_;
  std::string service_;
  std::unique_ptr<ManagerProxy> manager_;
};

/// A client, or the Failure of a verb that only looks.
Client looking_client();

}  // namespace virtsession::ctl
