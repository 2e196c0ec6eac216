// SPDX-License-Identifier: LGPL-2.1-or-later
#include "systemd/scope_properties.hpp"

#include <limits>
#include <optional>
#include <tuple>

namespace virtsession {

namespace {

constexpr auto kSlice = "virtsession.slice";
constexpr std::uint64_t kStopTimeoutUsec = 10'000'000;
/// CPUWeight=[not set], IOWeight=[not set] and MemoryHigh=infinity are the same number.
constexpr auto kDefault = std::numeric_limits<std::uint64_t>::max();

template <class T>
void add(UnitProperties& properties, const char* name, const T& value) {
  properties.emplace_back(std::make_tuple(std::string(name), sdbus::Variant(value)));
}

}  // namespace

std::vector<std::uint32_t> unit_pids(const std::vector<pid_t>& pids) { return {pids.begin(), pids.end()}; }

UnitProperties scope_properties(const ScopeSpec& spec, const std::vector<pid_t>& pids) {
  UnitProperties properties = limit_properties(spec.limits);
  add(properties, "PIDs", unit_pids(pids));
  add(properties, "Description", spec.description);
  add(properties, "Slice", std::string(kSlice));
  add(properties, "CollectMode", std::string("inactive-or-failed"));
  // Of all that has much memory, a VM is what a user misses most.
  add(properties, "ManagedOOMPreference", std::string("omit"));
  // Without delegation systemd moves no process into a unit that exists; no controller is needed for that.
  add(properties, "DelegateControllers", std::vector<std::string>{});
  // What is started before is stopped after: first virtsessiond stops the VMs in order, then SIGTERM lets a QEMU that
  // is left sync its disks and exit, and at last the libvirt daemon, which takes note of that, goes.
  add(properties, "Before", std::vector<std::string>{"virtsession-last-resort.service", "virtsessiond.service"});
  std::vector<std::string> after{"virtsession-libvirtd.service", "virtsession-virtqemud.service"};
  after.insert(after.end(), spec.after_units.begin(), spec.after_units.end());
  add(properties, "After", after);
  add(properties, "TimeoutStopUSec", kStopTimeoutUsec);
  add(properties, "SendSIGHUP", false);
  return properties;
}

UnitProperties limit_properties(const ScopeLimits& limits) {
  UnitProperties properties;
  add(properties, "CPUWeight", limits.cpu_weight.value_or(kDefault));
  add(properties, "IOWeight", limits.io_weight.value_or(kDefault));
  add(properties, "MemoryHigh", limits.memory_high_bytes.value_or(kDefault));
  return properties;
}

}  // namespace virtsession
