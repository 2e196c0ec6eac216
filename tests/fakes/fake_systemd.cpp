// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fakes/fake_systemd.hpp"

#include <algorithm>
#include <utility>

namespace virtsession::test {

FakeUnit::FakeUnit(sdbus::IConnection& bus, const std::string& path, UnitStatus initial)
    : AdaptorInterfaces(bus, sdbus::ObjectPath(path)), status(std::move(initial)), path_(path) {
  registerAdaptor();
}

FakeUnit::~FakeUnit() { unregisterAdaptor(); }

void FakeUnit::change(const UnitStatus& to) {
  status = to;
  sdbus_compat::emit_properties_changed(getObject(), Service_adaptor::INTERFACE_NAME, {"Result", "MainPID"});
  sdbus_compat::emit_properties_changed(getObject(), Unit_adaptor::INTERFACE_NAME, {"ActiveState", "SubState"});
}

FakeSystemd::FakeSystemd(EventLoop&, sdbus::IConnection& bus)
    : AdaptorInterfaces(bus, sdbus::ObjectPath("/org/freedesktop/systemd1")), bus_(bus) {
  registerAdaptor();
}

FakeSystemd::~FakeSystemd() { unregisterAdaptor(); }

FakeUnit& FakeSystemd::unit(const std::string& name, const UnitStatus& initial) {
  auto& unit = units_[name];
  if (!unit) {
    const auto path = "/org/freedesktop/systemd1/unit/unit" + std::to_string(units_.size());
    unit = std::make_unique<FakeUnit>(bus_, path, initial);
  }
  return *unit;
}

void FakeSystemd::finish_jobs(const std::string& unit, const std::string& result) {
  for (const auto& job : jobs)
    if (job.unit == unit) emitJobRemoved(job.id, job_path(job.id), unit, result);
  std::erase_if(jobs, [&](const auto& job) { return job.unit == unit; });
}

sdbus::ObjectPath FakeSystemd::job_path(std::uint32_t id) {
  return sdbus::ObjectPath("/org/freedesktop/systemd1/job/" + std::to_string(id));
}

sdbus::ObjectPath FakeSystemd::queue(const std::string& method, const std::string& name, const std::string& mode) {
  calls.push_back(method + " " + name + " " + mode);
  if (name.starts_with("missing"))
    throw sdbus_compat::make_error("org.freedesktop.systemd1.NoSuchUnit", "Unit " + name + " not found.");
  const Job job{next_job_++, name};
  jobs.push_back(job);
  if (result_before_reply) finish_jobs(name, *result_before_reply);
  return job_path(job.id);
}

void FakeSystemd::Subscribe() { calls.emplace_back("Subscribe"); }

sdbus::ObjectPath FakeSystemd::LoadUnit(const std::string& name) {
  calls.push_back("LoadUnit " + name);
  if (name.find('.') == std::string::npos)
    throw sdbus_compat::make_error("org.freedesktop.DBus.Error.InvalidArgs", "Unit name " + name + " is not valid.");
  return sdbus::ObjectPath(unit(name).path());
}

sdbus::ObjectPath FakeSystemd::StartUnit(const std::string& name, const std::string& mode) {
  return queue("StartUnit", name, mode);
}

sdbus::ObjectPath FakeSystemd::StopUnit(const std::string& name, const std::string& mode) {
  return queue("StopUnit", name, mode);
}

sdbus::ObjectPath FakeSystemd::RestartUnit(const std::string& name, const std::string& mode) {
  return queue("RestartUnit", name, mode);
}

void FakeSystemd::check_scope(const std::string& name, bool exists) const {
  if (scope_error) throw sdbus_compat::make_error("org.freedesktop.systemd1.TransactionIsDestructive", *scope_error);
  if (scopes.contains(name) == exists) return;
  throw exists ? sdbus_compat::make_error("org.freedesktop.systemd1.NoSuchUnit", "Unit " + name + " not loaded.")
               : sdbus_compat::make_error("org.freedesktop.systemd1.UnitExists",
                                          "Unit " + name + " was already loaded or has a fragment file.");
}

sdbus::ObjectPath FakeSystemd::StartTransientUnit(const std::string& name, const std::string& mode,
                                                  const PropertyRows& properties, const UnitRows&) {
  check_scope(name, false);
  for (const auto& row : properties) scopes[name][std::get<0>(row)] = std::get<1>(row);
  return queue("StartTransientUnit", name, mode);
}

void FakeSystemd::SetUnitProperties(const std::string& name, const bool& runtime, const PropertyRows& properties) {
  calls.push_back("SetUnitProperties " + name + (runtime ? " runtime" : ""));
  check_scope(name, true);
  for (const auto& row : properties) scopes[name][std::get<0>(row)] = std::get<1>(row);
}

void FakeSystemd::AttachProcessesToUnit(const std::string& name, const std::string& subcgroup,
                                        const std::vector<std::uint32_t>& pids) {
  calls.push_back("AttachProcessesToUnit " + name + subcgroup);
  check_scope(name, true);
  if (!scopes[name].contains("Delegate") && !scopes[name].contains("DelegateControllers"))
    throw sdbus_compat::make_error("org.freedesktop.DBus.Error.InvalidArgs",
                                   "Process migration not available on non-delegated units.");
  auto all = scopes[name]["PIDs"].get<std::vector<std::uint32_t>>();
  all.insert(all.end(), pids.begin(), pids.end());
  scopes[name]["PIDs"] = sdbus::Variant(all);
}

void FakeSystemd::KillUnit(const std::string& name, const std::string& whom, const std::int32_t& signal) {
  calls.push_back("KillUnit " + name + " " + whom + " " + std::to_string(signal));
}

std::vector<FakeSystemd::JobRow> FakeSystemd::ListJobs() {
  calls.emplace_back("ListJobs");
  std::vector<JobRow> rows;
  for (const auto& job : jobs)
    rows.emplace_back(std::make_tuple(job.id, job.unit, std::string("start"), std::string("running"), job_path(job.id),
                                      sdbus::ObjectPath(unit(job.unit).path())));
  return rows;
}

}  // namespace virtsession::test
