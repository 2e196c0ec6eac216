// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "dbus/json_dict.hpp"
#include "dbus/object_family.hpp"
#include "dbus/requests.hpp"
#include "dbus/variant.hpp"
#include "org.virtsession.Supervisor1.VM-adaptor.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

namespace virtsession {

/// The VMs on the bus: each is org.virtsession.Supervisor1.VM at object_path(uuid). Of each a copy of what it shows is
/// kept, so that no property ever waits or fails. Main loop's thread only; the family and Requests outlive it.
class VmObjects final : public org::virtsession::Supervisor1::VM_adaptor {
 public:
  /// \throws sdbus::Error when the bus refuses
  VmObjects(ObjectFamily& family, Requests& requests);
  /// Announces that all are gone.
  ~VmObjects();
  VmObjects(const VmObjects&) = delete;
  VmObjects& operator=(const VmObjects&) = delete;

  /// Shows `view` from now on. A new VM is announced (InterfacesAdded); of another one what differs, in one
  /// PropertiesChanged, or in none when nothing does.
  void update(const VmView& view);
  /// Announces that it is gone (InterfacesRemoved). Never from inside one of its own handlers. One that is not known is
  /// ignored.
  void remove(const std::string& uuid);

 private:
  using Rows = std::vector<sdbus::Struct<std::string, std::string, std::string>>;
  using Read = std::function<void(VmRequest& request)>;

  void Start(sdbus::Result<>&& result, VariantMap options) override;
  void Shutdown(sdbus::Result<>&& result, VariantMap options) override;
  void Stop(sdbus::Result<>&& result, VariantMap options) override;
  void Save(sdbus::Result<>&& result, VariantMap options) override;
  void PowerOff(sdbus::Result<>&& result, VariantMap options) override;
  void Reboot(sdbus::Result<>&& result, VariantMap options) override;
  void Pause(sdbus::Result<>&& result, VariantMap options) override;
  void Resume(sdbus::Result<>&& result, VariantMap options) override;
  void SetAutostart(sdbus::Result<>&& result, bool enable, VariantMap options) override;
  void SetAutostartOnce(sdbus::Result<>&& result, bool enable, VariantMap options) override;
  void SetPolicy(sdbus::Result<>&& result, VariantMap policy, VariantMap options) override;
  void ClearPolicy(sdbus::Result<>&& result, VariantMap options) override;
  void ResetFailed(sdbus::Result<>&& result, VariantMap options) override;
  void ListAddresses(sdbus::Result<std::vector<VariantMap>>&& result, VariantMap options) override;

  std::string Uuid() override;
  std::string Name() override;
  std::string Title() override;
  std::string State() override;
  std::string StateReason() override;
  std::string Phase() override;
  std::string PhaseReason() override;
  std::int32_t Progress() override;
  std::string Intent() override;
  bool Autostart() override;
  void Autostart(const bool& value) override;
  bool AutostartOnce() override;
  void AutostartOnce(const bool& value) override;
  bool Persistent() override;
  bool ManagedSave() override;
  JsonDict Policy() override;
  JsonDict PolicyOverrides() override;
  Rows PolicyProblems() override;
  std::vector<std::string> PolicyProblemCodes() override;
  std::string LastError() override;
  std::uint32_t RestartCount() override;
  std::uint64_t PhaseSinceUSec() override;
  std::uint64_t StartedUSec() override;
  Rows Networks() override;
  std::vector<VariantMap> Addresses() override;
  std::vector<VariantMap> Forwards() override;
  std::string Scope() override;

  void call(const char* method, RequestKind kind, sdbus::Result<>&& result, const Read& read);
  void set(const char* property, RequestKind kind, bool enable);

  struct Shown : ObjectFamily::Member {
    explicit Shown(ObjectFamily& of) : Member{of} {}
    VmView view;  // all texts valid UTF-8
  };

  /// Of the VM that a handler runs for.
  const VmView& view() const { return static_cast<const Shown&>(family_.current()).view; }
  sdbus::IObject& object() { return family_; }
  void announce_end(const std::string& path, const Shown& shown);

  ObjectFamily& family_;
  Requests& requests_;
  std::unordered_map<std::string, Shown> shown_;  // by path
};

}  // namespace virtsession
