// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "app/diagnosis.hpp"
#include "app/open_requests.hpp"
#include "conditions/host_watcher.hpp"
#include "core/supervisor.hpp"
#include "dbus/api.hpp"
#include "link/libvirt_link.hpp"
#include "link/libvirt_unit.hpp"
#include "session/login_manager.hpp"
#include "session/session_end.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace virtsession {

/// What the D-Bus objects ask for, as events for the supervisor and questions to it. Main loop's thread; its parts
/// outlive it.
class ApiService final : public Api {
 public:
  struct Parts {
    Supervisor& supervisor;
    OpenRequests& requests;
    Diagnosis& diagnosis;
    HostWatcher& host_watcher;
    LoginManager& login_manager;
    const SessionEnd& session_end;
    LibvirtLink& link;
    const LibvirtUnit& libvirt_unit;
    /// Passes an event on to the supervisor.
    std::function<void(const std::function<void(Moment now)>& event)> tell;
    /// What the Manager shows beside its VMs may be another thing now.
    std::function<void()> manager_changed;
    std::function<Result<void>()> reload_config;
  };

  explicit ApiService(Parts parts) : parts_(std::move(parts)) {}

  Result<std::string> find_vm(const std::string& name_or_uuid) const override;
  std::vector<VmView> list_vms() const override;
  Result<void> check(const VmRequest& request) const override;
  void request(const VmRequest& request, Done done) override;
  std::vector<Address> addresses(const std::string& uuid) const override;
  void autostart(const Caller& caller, bool wait, Done done) override;
  std::vector<PlanStep> plan_start() const override;
  void stop_all(const Caller& caller, bool wait, std::optional<std::chrono::milliseconds> timeout, Done done) override;
  std::vector<PlanStep> plan_stop(std::optional<std::chrono::milliseconds> timeout) const override;
  void diagnose(std::function<void(std::vector<Finding>)> found, Done done) override;
  void set_linger(bool enable, bool interactive, Done done) override;
  std::vector<HistoryEntry> history(const std::string& uuid, std::uint32_t limit) const override;
  void reload(Done done) override;
  void restart_libvirt(const Caller& caller, bool force, Done done) override;

 private:
  Result<void> check_answers() const;
  SupervisedFacts supervised_facts() const;

  Parts parts_;
};

/// A VM as the doctor is given it. \param stop_ends as Supervisor::stop_ends() has them
SupervisedVm supervised_vm(const VmView& view, const std::map<std::string, double>& stop_ends);

}  // namespace virtsession
