// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "org.freedesktop.systemd1.Manager-adaptor.hpp"
#include "org.freedesktop.systemd1.Service-adaptor.hpp"
#include "support/private_bus.hpp"
#include "systemd/unit_status.hpp"
#include "util/bus_source.hpp"
#include "util/event_loop.hpp"
#include "util/sdbus_compat.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

namespace virtsession::test {

/// A service of the stand-in.
class FakeUnit : public sdbus::AdaptorInterfaces<sdbus::Properties_adaptor, org::freedesktop::systemd1::Unit_adaptor,
                                                 org::freedesktop::systemd1::Service_adaptor> {
 public:
  FakeUnit(sdbus::IConnection& bus, const std::string& path, UnitStatus initial);
  virtual ~FakeUnit();
  FakeUnit(const FakeUnit&) = delete;
  FakeUnit& operator=(const FakeUnit&) = delete;

  /// Changes the status, with PropertiesChanged per interface in systemd's order: the service's, then the unit's.
  void change(const UnitStatus& to);
  const std::string& path() const { return path_; }
  UnitStatus status;
  std::uint64_t stop_timeout_usec = 90'000'000;

 private:
  const std::string path_;

  std::string LoadState() override { return status.load_state; }
  std::string ActiveState() override { return status.active_state; }
  std::string SubState() override { return status.sub_state; }
  std::string Result() override { return status.result; }
  std::uint32_t MainPID() override { return status.main_pid; }
  std::uint64_t TimeoutStopUSec() override { return stop_timeout_usec; }
};

/// Stands in for the user manager on a private bus, on the test's own loop. It goes when the object goes.
class FakeSystemd : public sdbus::AdaptorInterfaces<org::freedesktop::systemd1::Manager_adaptor> {
 public:
  FakeSystemd(EventLoop& loop, sdbus::IConnection& bus);
  virtual ~FakeSystemd();
  FakeSystemd(const FakeSystemd&) = delete;
  FakeSystemd& operator=(const FakeSystemd&) = delete;

  /// The unit, made with `initial` when it is new.
  FakeUnit& unit(const std::string& name, const UnitStatus& initial = {.load_state = "loaded",
                                                                       .active_state = "inactive",
                                                                       .sub_state = "dead",
                                                                       .result = "success",
                                                                       .main_pid = 0});
  /// Ends all jobs of a unit.
  void finish_jobs(const std::string& unit, const std::string& result);

  /// When set, JobRemoved with this result is sent before the reply that names the job.
  std::optional<std::string> result_before_reply;
  /// When set, whatever is asked of a scope is refused with this text.
  std::optional<std::string> scope_error;
  using Properties = std::map<std::string, sdbus::Variant>;
  std::map<std::string, Properties> scopes;  ///< as they were made, with later changes of properties and PIDs
  std::string state = "running";
  std::vector<std::string> calls;  ///< "StartUnit a.service replace" ...
  struct Job {
    std::uint32_t id;
    std::string unit;
  };
  std::vector<Job> jobs;

 private:
  using JobRow =
      sdbus::Struct<std::uint32_t, std::string, std::string, std::string, sdbus::ObjectPath, sdbus::ObjectPath>;

  using PropertyRows = std::vector<sdbus::Struct<std::string, sdbus::Variant>>;
  using UnitRows = std::vector<sdbus::Struct<std::string, PropertyRows>>;

  void Subscribe() override;
  sdbus::ObjectPath LoadUnit(const std::string& name) override;
  sdbus::ObjectPath StartUnit(const std::string& name, const std::string& mode) override;
  sdbus::ObjectPath StopUnit(const std::string& name, const std::string& mode) override;
  sdbus::ObjectPath RestartUnit(const std::string& name, const std::string& mode) override;
  sdbus::ObjectPath StartTransientUnit(const std::string& name, const std::string& mode, const PropertyRows& properties,
                                       const UnitRows& aux) override;
  void SetUnitProperties(const std::string& name, const bool& runtime, const PropertyRows& properties) override;
  void AttachProcessesToUnit(const std::string& name, const std::string& subcgroup,
                             const std::vector<std::uint32_t>& pids) override;
  void KillUnit(const std::string& name, const std::string& whom, const std::int32_t& signal) override;
  std::vector<JobRow> ListJobs() override;
  std::string SystemState() override { return state; }

  void check_scope(const std::string& name, bool exists) const;
  sdbus::ObjectPath queue(const std::string& method, const std::string& unit, const std::string& mode);
  static sdbus::ObjectPath job_path(std::uint32_t id);

  sdbus::IConnection& bus_;
  std::map<std::string, std::unique_ptr<FakeUnit>> units_;
  std::uint32_t next_job_ = 1;
};

/// The stand-in with a connection of its own. Made anew it is a manager that was re-executed, on another unique name.
class RunningSystemd {
 public:
  RunningSystemd(EventLoop& loop, const PrivateBus& bus)
      : connection_(bus.connect()), source_(loop, *connection_, {}), manager(loop, *connection_) {
    sdbus_compat::request_name(*connection_, "org.freedesktop.systemd1");
  }

 private:
  std::unique_ptr<sdbus::IConnection> connection_;
  BusSource source_;

 public:
  FakeSystemd manager;
};

}  // namespace virtsession::test
