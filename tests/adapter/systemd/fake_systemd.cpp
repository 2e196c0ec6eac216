// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fake_systemd.hpp"

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

void FakeSystemd::KillUnit(const std::string& name, const std::string& whom, const std::int32_t& signal) {
  calls.push_back("KillUnit " + name + " " + whom + " " + std::to_string(signal));
}

void FakeSystemd::ResetFailedUnit(const std::string& name) { calls.push_back("ResetFailedUnit " + name); }

std::vector<FakeSystemd::JobRow> FakeSystemd::ListJobs() {
  calls.emplace_back("ListJobs");
  std::vector<JobRow> rows;
  for (const auto& job : jobs)
    rows.emplace_back(std::make_tuple(job.id, job.unit, std::string("start"), std::string("running"), job_path(job.id),
                                      sdbus::ObjectPath(unit(job.unit).path())));
  return rows;
}

}  // namespace virtsession::test
