// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "org.virtsession.Supervisor1.Manager-proxy.hpp"
#include "org.virtsession.Supervisor1.VM-proxy.hpp"
#include "util/sdbus_compat.hpp"
#include "vm_info.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace virtsession::ctl {

class Console;

inline constexpr const char* kVmInterface = org::virtsession::Supervisor1::VM_proxy::INTERFACE_NAME;

class ManagerProxy final : public sdbus::ProxyInterfaces<org::virtsession::Supervisor1::Manager_proxy> {
 public:
  ManagerProxy(sdbus::IConnection& connection, const std::string& service);
  ~ManagerProxy();
};

/// That virtsessiond does not run.
struct Absence {
  std::string fact;                   ///< one sentence
  std::string to_do;                  ///< what to do about it, ending with a colon
  std::vector<std::string> commands;  ///< to be copied as they are
  bool failed = false;                ///< its unit has

  /// The last two as lines.
  std::string hint() const;
};

/// Whether it was never turned on or has failed, as the user's systemd says. Waits two seconds for it at most.
Absence look_at_absence();

/// How long a verb that only looks waits for what is on its way.
constexpr std::chrono::seconds kLookingWait{3};

/// virtsessiond as seen over the session bus. Calls wait for their answer; nothing else runs meanwhile. It is spoken to
/// under its unique name: a virtsessiond that is not there is never started by accident.
class Client {
 public:
  /// \throws Failure when there is no session bus
  Client();

  /// \return whether virtsessiond runs; looks again at every call
  /// \throws Failure when it does not, and cannot for such a user
  bool find();
  /// For verbs that only look: starting virtsessiond would start the marked VMs. \throws Failure when it does not run
  void require();
  /// For verbs that change something: starts virtsessiond when it does not run, as D-Bus activation does, and says so.
  void require_or_start(Console& console);

  /// \name After one of the above
  /// @{
  ManagerProxy& manager() { return *manager_; }
  Properties manager_properties();
  /// All VMs, by name. Costs with their number: who is after one asks for vm().
  std::vector<VmInfo> vms();
  /// The VM of exactly this name or uuid, if there is one.
  std::optional<VmInfo> vm(const std::string& name_or_uuid);
  /// The VMs that somebody named: each by name, by uuid or by a pattern with *, ? and [...]; once each, in the order in
  /// which they were named. Without patterns all of them.
  /// \throws Failure (kNoSuchVm) that tells all patterns that fit nothing, with what was probably meant
  std::vector<VmInfo> select(const std::vector<std::string>& patterns);
  /// The one VM that was named. \throws Failure when there is none, or a pattern fits several
  VmInfo select_one(const std::string& pattern);
  /// Asks libvirt for a VM's addresses anew; the property Addresses has them as well from then on. \throws sdbus::Error
  nlohmann::json list_addresses(const VmInfo& vm);
  /// Waits until `holds` says so, which is asked now and after every change of the properties of the object at `path`.
  /// \return whether it did in time, and while virtsessiond was there
  bool wait_for_change(const std::string& path, const std::function<bool()>& holds, std::chrono::milliseconds at_most);
  /// Gives a connection to libvirt that is being made a moment to get there. \return whether it is ready
  bool wait_for_libvirt(std::chrono::milliseconds at_most = kLookingWait);
  /// \throws Failure when there is no connection to libvirt, so that nothing can be done to a VM
  void require_libvirt();
  std::unique_ptr<sdbus::IProxy> proxy_to(const std::string& path);
  const std::string& service() const { return service_; }
  sdbus::IConnection& connection() { return *connection_; }
  /// @}

 private:
  JsonDict properties(const std::string& path, const char* interface);

  std::unique_ptr<sdbus::IConnection> connection_;
  std::unique_ptr<sdbus::IProxy> bus_;
  std::string service_;
  std::unique_ptr<ManagerProxy> manager_;
};

/// A client, or the Failure of a verb that only looks.
Client looking_client();

}  // namespace virtsession::ctl
