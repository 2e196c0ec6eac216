// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dbus/manager_object.hpp"

#include "core/utf8.hpp"
#include "dbus/announce.hpp"
#include "dbus/errors.hpp"
#include "dbus/object_path.hpp"
#include "dbus/options.hpp"
#include "dbus/text.hpp"

#include <algorithm>
#include <utility>

namespace virtsession {

namespace {

std::vector<std::string> changed_properties(const ManagerView& before, const ManagerView& now) {
  std::vector<std::string> names;
  const auto compare = [&](auto ManagerView::*member, const char* name) {
    if (before.*member != now.*member) names.emplace_back(name);
  };
  // Not Version: it is constant, and sd-bus refuses to announce it.
  compare(&ManagerView::libvirt_state, "LibvirtState");
  compare(&ManagerView::libvirt_reason, "LibvirtReason");
  compare(&ManagerView::libvirt_daemon, "LibvirtDaemon");
  compare(&ManagerView::libvirt_version, "LibvirtVersion");
  compare(&ManagerView::libvirt_managed, "LibvirtManaged");
  compare(&ManagerView::autostart_state, "AutostartState");
  compare(&ManagerView::autostart_reason, "AutostartReason");
  compare(&ManagerView::stop_state, "StopState");
  compare(&ManagerView::stop_budget_usec, "StopBudgetUSec");
  compare(&ManagerView::linger, "Linger");
  compare(&ManagerView::counts, "Counts");
  compare(&ManagerView::config_path, "ConfigPath");
  compare(&ManagerView::config_problems, "ConfigProblems");
  return names;
}

ManagerObject::PlanRows to_plan_rows(const std::vector<PlanStep>& steps) {
  ManagerObject::PlanRows rows;
  for (const PlanStep& step : steps)
    rows.emplace_back(step.wave, sdbus::ObjectPath(object_path(step.uuid)), valid_utf8(step.name),
                      valid_utf8(step.decision), valid_utf8(step.reason));
  return rows;
}

std::string lower_case(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return text;
}

}  // namespace

ManagerObject::ManagerObject(sdbus::IConnection& connection, Requests& requests)
    : AdaptorInterfaces(connection, sdbus::ObjectPath(std::string(kRootPath))), requests_(requests) {
  registerAdaptor();
}

ManagerObject::~ManagerObject() { unregisterAdaptor(); }

void ManagerObject::update(const ManagerView& view) {
  const ManagerView before = std::exchange(view_, with_valid_utf8(view));
  announce_changes(getObject(), Manager_adaptor::INTERFACE_NAME, changed_properties(before, view_));
}

sdbus::ObjectPath ManagerObject::GetVM(const std::string& vm, const VariantMap& options) {
  return guarded("GetVM", [&] {
    expect_no_options(options);
    const auto uuid = requests_.api().find_vm(vm);
    if (!uuid) throw to_dbus_error(uuid.error());
    return sdbus::ObjectPath(object_path(*uuid));
  });
}

ManagerObject::VmRows ManagerObject::ListVMs(const VariantMap& options) {
  return guarded("ListVMs", [&] {
    expect_no_options(options);
    VmRows rows;
    for (const VmView& vm : requests_.api().list_vms())
      rows.emplace_back(Path(object_path(vm.uuid)), valid_utf8(vm.uuid), valid_utf8(vm.name),
                        std::string(to_text(vm.state)), std::string(to_text(vm.phase)));
    return rows;
  });
}

void ManagerObject::Autostart(sdbus::Result<>&& result, VariantMap options) {
  requests_.call(getObject(), "Autostart", std::move(result), [&] {
    const bool wait = Options(options, {"wait"}).boolean("wait", true);
    return [wait](Api& api, const Caller& caller, Api::Done done) { api.autostart(caller, wait, std::move(done)); };
  });
}

ManagerObject::PlanRows ManagerObject::PlanStart(const VariantMap& options) {
  return guarded("PlanStart", [&] {
    expect_no_options(options);
    return to_plan_rows(requests_.api().plan_start());
  });
}

void ManagerObject::StopAll(sdbus::Result<>&& result, VariantMap options) {
  requests_.call(getObject(), "StopAll", std::move(result), [&] {
    const Options given(options, {"wait", "timeout_sec"});
    return
        [wait = given.boolean("wait", true), timeout = given.seconds("timeout_sec")](
            Api& api, const Caller& caller, Api::Done done) { api.stop_all(caller, wait, timeout, std::move(done)); };
  });
}

ManagerObject::PlanRows ManagerObject::PlanStop(const VariantMap& options) {
  return guarded("PlanStop", [&] {
    return to_plan_rows(requests_.api().plan_stop(Options(options, {"timeout_sec"}).seconds("timeout_sec")));
  });
}

void ManagerObject::Diagnose(sdbus::Result<FindingRows>&& result, VariantMap options) {
  const auto rows = std::make_shared<FindingRows>();
  const auto send =
      [rows, shared = std::make_shared<sdbus::Result<FindingRows>>(std::move(result))](const sdbus::Error* error) {
        if (error)
          shared->returnError(*error);
        else
          shared->returnResults(*rows);
      };
  requests_.call(getObject(), "Diagnose", send, [&] {
    expect_no_options(options);
    return [rows](Api& api, const Caller&, Api::Done done) {
      api.diagnose(
          [rows](const std::vector<Finding>& findings) {
            for (const Finding& finding : findings)
              rows->emplace_back(valid_utf8(finding.id), std::string(to_text(finding.severity)),
                                 valid_utf8(finding.subject), valid_utf8(finding.text), valid_utf8(finding.fix));
          },
          std::move(done));
    };
  });
}

void ManagerObject::SetLinger(sdbus::Result<>&& result, bool enable, VariantMap options) {
  requests_.call(getObject(), "SetLinger", std::move(result), [&] {
    const bool interactive = Options(options, {"interactive"}).boolean("interactive", true);
    return [enable, interactive](Api& api, const Caller&, Api::Done done) {
      api.set_linger(enable, interactive, std::move(done));
    };
  });
}

ManagerObject::HistoryRows ManagerObject::History(const std::string& vm, const VariantMap& options) {
  return guarded("History", [&] {
    const std::uint32_t limit = Options(options, {"limit"}).count("limit", 0);
    HistoryRows rows;
    for (const HistoryEntry& entry : requests_.api().history(uuid_for_history(vm), limit))
      rows.emplace_back(entry.time_usec, Path(object_path(entry.uuid)), valid_utf8(entry.name),
                        std::string(to_text(entry.phase)), valid_utf8(entry.reason), valid_utf8(entry.cause));
    return rows;
  });
}

std::string ManagerObject::uuid_for_history(const std::string& vm) const {
  if (vm.empty()) return vm;
  const auto found = requests_.api().find_vm(vm);
  if (found) return *found;
  // A VM that is gone has a history, and can only be named by its uuid.
  std::string uuid = lower_case(vm);
  if (!is_uuid(uuid)) throw to_dbus_error(found.error());
  return uuid;
}

void ManagerObject::Reload(sdbus::Result<>&& result, VariantMap options) {
  requests_.call(getObject(), "Reload", std::move(result), [&] {
    expect_no_options(options);
    return [](Api& api, const Caller&, Api::Done done) { api.reload(std::move(done)); };
  });
}

void ManagerObject::RestartLibvirt(sdbus::Result<>&& result, VariantMap options) {
  requests_.call(getObject(), "RestartLibvirt", std::move(result), [&] {
    const bool force = Options(options, {"force"}).boolean("force", false);
    return [force](Api& api, const Caller& caller, Api::Done done) {
      api.restart_libvirt(caller, force, std::move(done));
    };
  });
}

std::string ManagerObject::Version() { return view_.version; }
std::string ManagerObject::LibvirtState() { return std::string(to_text(view_.libvirt_state)); }
std::string ManagerObject::LibvirtReason() { return view_.libvirt_reason; }
std::string ManagerObject::LibvirtDaemon() { return view_.libvirt_daemon; }
std::string ManagerObject::LibvirtVersion() { return view_.libvirt_version; }
bool ManagerObject::LibvirtManaged() { return view_.libvirt_managed; }
std::string ManagerObject::AutostartState() { return std::string(to_text(view_.autostart_state)); }
std::string ManagerObject::AutostartReason() { return view_.autostart_reason; }
std::string ManagerObject::StopState() { return std::string(to_text(view_.stop_state)); }
std::uint64_t ManagerObject::StopBudgetUSec() { return view_.stop_budget_usec; }
bool ManagerObject::Linger() { return view_.linger; }
std::map<std::string, std::uint32_t> ManagerObject::Counts() { return view_.counts; }
std::string ManagerObject::ConfigPath() { return view_.config_path; }
ManagerObject::ProblemRows ManagerObject::ConfigProblems() { return to_rows(view_.config_problems); }

}  // namespace virtsession
