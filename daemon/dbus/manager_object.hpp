// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "dbus/requests.hpp"
#include "dbus/variant.hpp"
#include "org.virtsession.Supervisor1.Manager-adaptor.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace virtsession {

/// The root object: org.virtsession.Supervisor1.Manager and org.freedesktop.DBus.ObjectManager at kRootPath. It keeps a
/// copy of what it shows. Main loop's thread only; Requests and the connection outlive it.
class ManagerObject final
    : public sdbus::AdaptorInterfaces<org::virtsession::Supervisor1::Manager_adaptor, sdbus::ObjectManager_adaptor> {
 public:
  using PlanRows = std::vector<sdbus::Struct<std::uint32_t, sdbus::ObjectPath, std::string, std::string, std::string>>;

  ManagerObject(sdbus::IConnection& connection, Requests& requests);
  ~ManagerObject();
  ManagerObject(const ManagerObject&) = delete;
  ManagerObject& operator=(const ManagerObject&) = delete;

  /// Shows `view` from now on, and announces what differs in one PropertiesChanged, or in none when nothing does.
  void update(const ManagerView& view);

 private:
  using Path = sdbus::ObjectPath;
  using VmRows = std::vector<sdbus::Struct<Path, std::string, std::string, std::string, std::string>>;
  using FindingRows = std::vector<sdbus::Struct<std::string, std::string, std::string, std::string, std::string>>;
  using HistoryRows =
      std::vector<sdbus::Struct<std::uint64_t, Path, std::string, std::string, std::string, std::string>>;
  using ProblemRows = std::vector<sdbus::Struct<std::string, std::string, std::string>>;

  sdbus::ObjectPath GetVM(const std::string& vm, const VariantMap& options) override;
  VmRows ListVMs(const VariantMap& options) override;
  void Autostart(sdbus::Result<>&& result, VariantMap options) override;
  PlanRows PlanStart(const VariantMap& options) override;
  void StopAll(sdbus::Result<>&& result, VariantMap options) override;
  PlanRows PlanStop(const VariantMap& options) override;
  void Diagnose(sdbus::Result<FindingRows>&& result, VariantMap options) override;
  void SetLinger(sdbus::Result<>&& result, bool enable, VariantMap options) override;
  HistoryRows History(const std::string& vm, const VariantMap& options) override;
  void Reload(sdbus::Result<>&& result, VariantMap options) override;
  void RestartLibvirt(sdbus::Result<>&& result, VariantMap options) override;

  std::string Version() override;
  std::string LibvirtState() override;
  std::string LibvirtReason() override;
  std::string LibvirtDaemon() override;
  std::string LibvirtVersion() override;
  bool LibvirtManaged() override;
  std::string AutostartState() override;
  std::string AutostartReason() override;
  std::string StopState() override;
  std::uint64_t StopBudgetUSec() override;
  bool Linger() override;
  std::map<std::string, std::uint32_t> Counts() override;
  std::string ConfigPath() override;
  ProblemRows ConfigProblems() override;

  std::string uuid_for_history(const std::string& vm) const;

  Requests& requests_;
  ManagerView view_;  // all texts valid UTF-8
};

}  // namespace virtsession
