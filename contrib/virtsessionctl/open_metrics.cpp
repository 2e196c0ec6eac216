// SPDX-License-Identifier: LGPL-2.1-or-later
#include "open_metrics.hpp"

#include "core/phase.hpp"
#include "core/views.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

namespace virtsession::ctl {
namespace {

using Labels = OpenMetrics::Labels;

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '\n') {
      result += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') result += '\\';
    result += c;
  }
  return result;
}

/// All values of an enum that a client of this version knows, and `now`, which a later virtsessiond may have beyond
/// them.
template <class Enum>
std::vector<std::string> values_with(const std::string& now) {
  std::vector<std::string> values;
  for (const auto& row : kEnumText<Enum>.rows) values.emplace_back(row.second);
  if (std::ranges::find(values, now) == values.end()) values.push_back(now);
  return values;
}

/// One sample for each value: 1 for the one of now.
template <class Enum>
void state_set(OpenMetrics& metrics, const Labels& labels, std::string_view label, const std::string& now) {
  for (const auto& value : values_with<Enum>(now)) {
    auto all = labels;
    all.emplace_back(label, value);
    metrics.sample(all, value == now ? 1 : 0);
  }
}

void manager_metrics(OpenMetrics& metrics, const Properties& manager) {
  metrics.gauge("virtsession_info", "The versions of virtsessiond and of the libvirt daemon that it looks after.");
  metrics.sample({{"version", manager.text("Version")},
                  {"libvirt_daemon", manager.text("LibvirtDaemon")},
                  {"libvirt_version", manager.text("LibvirtVersion")}},
                 1);
  metrics.gauge("virtsession_libvirt_state", "The state of the connection to libvirt: 1 for the one it is in.");
  state_set<LibvirtState>(metrics, {}, "state", manager.text("LibvirtState"));
  metrics.gauge("virtsession_libvirt_managed",
                "Whether the libvirt daemon that answers is the one of virtsession's unit.");
  metrics.sample({}, manager.flag("LibvirtManaged"));
  metrics.gauge("virtsession_autostart_state",
                "How far the start of the marked VMs has come: 1 for the state it is in.");
  state_set<AutostartState>(metrics, {}, "state", manager.text("AutostartState"));
  metrics.gauge("virtsession_stop_running", "Whether all VMs are being stopped.");
  metrics.sample({}, manager.text("StopState") == to_text(StopState::running));
  metrics.gauge("virtsession_stop_budget_seconds", "How long stopping all VMs may take at the end of the session.");
  metrics.sample_of_usec({}, manager.number("StopBudgetUSec"));
  metrics.gauge("virtsession_linger", "Whether the user's services, and so the VMs, run without a login.");
  metrics.sample({}, manager.flag("Linger"));
  metrics.gauge("virtsession_config_problems", "Mistakes in the configuration file that was read last.");
  metrics.sample({}, manager.value("ConfigProblems").size());
}

Labels labels_of(const VmInfo& vm) { return {{"vm", vm.name()}, {"uuid", vm.uuid()}}; }

/// \param property a time in microseconds; VMs for which it is 0 have no sample
void time_metrics(OpenMetrics& metrics, const std::vector<VmInfo>& vms, std::string_view property) {
  for (const auto& vm : vms)
    if (const auto usec = vm.number(property); usec > 0) metrics.sample_of_usec(labels_of(vm), usec);
}

void vm_metrics(OpenMetrics& metrics, const std::vector<VmInfo>& vms) {
  metrics.gauge("virtsession_vms", "VMs by phase.");
  for (const auto& row : kEnumText<Phase>.rows) {
    const auto count = std::ranges::count_if(vms, [&](const VmInfo& vm) { return vm.phase() == row.second; });
    metrics.sample({{"phase", std::string(row.second)}}, static_cast<std::uint64_t>(count));
  }
  metrics.gauge("virtsession_vm_phase", "What the VM is doing: 1 for the phase it is in.");
  for (const auto& vm : vms) state_set<Phase>(metrics, labels_of(vm), "phase", vm.phase());
  metrics.gauge("virtsession_vm_phase_start_timestamp_seconds",
                "When the VM entered its phase, in seconds since 1970.");
  time_metrics(metrics, vms, "PhaseSinceUSec");
  metrics.gauge("virtsession_vm_start_timestamp_seconds",
                "When the VM's run began, in seconds since 1970; not there when it is off.");
  time_metrics(metrics, vms, "StartedUSec");
  const auto each = [&](std::string_view name, std::string_view help, const auto& value) {
    metrics.gauge(name, help);
    for (const auto& vm : vms) metrics.sample(labels_of(vm), value(vm));
  };
  each("virtsession_vm_active", "Whether the VM is not off; a VM that is paused or asleep is active.",
       [](const VmInfo& vm) { return vm.is_active() ? 1U : 0U; });
  each("virtsession_vm_autostart", "Whether the VM is marked to start at login, always or once.",
       [](const VmInfo& vm) { return vm.flag("Autostart") || vm.flag("AutostartOnce") ? 1U : 0U; });
  each("virtsession_vm_failed", "Whether the last thing that was done to the VM failed.",
       [](const VmInfo& vm) { return vm.text("LastError").empty() ? 0U : 1U; });
  each("virtsession_vm_policy_problems", "Mistakes in the VM's policy, and parts of it that cannot be carried out.",
       [](const VmInfo& vm) { return vm.value("PolicyProblems").size(); });
  metrics.counter("virtsession_vm_restarts",
                  "Restarts after a failure since the VM was last started by a person or at login.");
  for (const auto& vm : vms) metrics.sample(labels_of(vm), vm.number("RestartCount"));
}

}  // namespace

void OpenMetrics::gauge(std::string_view name, std::string_view help) {
  begin(name, "gauge", help);
  sample_name_ = name;
}

void OpenMetrics::counter(std::string_view name, std::string_view help) {
  begin(name, "counter", help);
  sample_name_ = std::string(name) + "_total";
}

void OpenMetrics::begin(std::string_view name, std::string_view type, std::string_view help) {
  text_ += fmt::format("# TYPE {} {}\n", name, type);
  if (name.ends_with("_seconds")) text_ += fmt::format("# UNIT {} seconds\n", name);
  text_ += fmt::format("# HELP {} {}\n", name, escaped(help));
}

void OpenMetrics::sample(const Labels& labels, std::uint64_t value) { line(labels, std::to_string(value)); }

void OpenMetrics::sample_of_usec(const Labels& labels, std::uint64_t usec) {
  line(labels, fmt::format("{}.{:06}", usec / 1'000'000, usec % 1'000'000));
}

void OpenMetrics::line(const Labels& labels, std::string_view value) {
  std::string all;
  const auto add = [&](const Labels& some) {
    for (const auto& [name, text] : some)
      all += fmt::format("{}{}=\"{}\"", all.empty() ? "" : ",", name, escaped(text));
  };
  add(common_);
  add(labels);
  text_ += fmt::format("{}{{{}}} {}\n", sample_name_, all, value);
}

std::string OpenMetrics::finish() && { return std::move(text_) + "# EOF\n"; }

std::string metrics_of(const std::string& user, const std::optional<Overview>& seen) {
  OpenMetrics metrics({{"user", user}});
  metrics.gauge("virtsession_up", "Whether the user's virtsessiond runs and answers.");
  metrics.sample({}, seen.has_value());
  if (seen) {
    manager_metrics(metrics, seen->manager);
    vm_metrics(metrics, seen->vms);
  }
  return std::move(metrics).finish();
}

}  // namespace virtsession::ctl
