// SPDX-License-Identifier: LGPL-2.1-or-later
#include "vm_text.hpp"

#include "on_demand.hpp"
#include "text.hpp"
#include "vm_info.hpp"

namespace virtsession::ctl {
namespace {

using nlohmann::json;

/// What starts a VM by a connection.
json on_demand_json(const std::string& uuid, const std::vector<OnDemand>& on_demand) {
  auto rows = json::array();
  for (const auto& one : on_demand)
    if (one.uuid == uuid)
      rows.push_back({{"listen", endpoint(one.listen)}, {"guest_port", one.guest_port}, {"idle", one.idle}});
  return rows;
}

/// "bridge virbr0 52:54:00:00:00:01", "10.0.2.15 net0 agent 52:54:00:00:00:01"
std::string row_text(const json& row) {
  std::string text;
  if (row.contains("host_port")) {
    const auto port = row.value("host_port", 0);
    text = row.value("state", "") + " " + row.value("host_address", "") + ":" +
           (port == 0 ? "auto" : std::to_string(port)) + "/" + row.value("protocol", "") + " to " +
           std::to_string(row.value("guest_port", 0));
    const auto reason = row.value("reason", std::string());
    return reason.empty() ? text : text + " (" + reason + ")";
  }
  for (const char* const name : {"pointer", "type", "address", "nic", "source", "mac", "text", "suggestion"})
    if (const auto part = row.value(name, std::string()); !part.empty()) text += (text.empty() ? "" : " ") + part;
  return text;
}

std::string list_text(const json& list) {
  std::string text;
  for (const auto& entry : list) {
    if (!text.empty()) text += ", ";
    text += entry.is_object() ? row_text(entry) : entry.is_string() ? entry.get<std::string>() : entry.dump();
  }
  return text;
}

std::string object_text(const json& object) {
  std::string text;
  for (const auto& [key, value] : object.items())
    text += (text.empty() ? "" : " ") + key + "=" + policy_value_text(value);
  return text;
}

}  // namespace

Tone tone_of(const VmInfo& vm) {
  const auto phase = vm.phase(), state = vm.state();
  if (phase == "gave-up" || phase == "stuck" || state == "crashed") return Tone::bad;
  if (phase == "inactive") return vm.text("LastError").empty() ? Tone::faint : Tone::bad;
  if (phase == "running") return state == "running" || state == "blocked" ? Tone::good : Tone::warning;
  return Tone::warning;
}

Cell symbol_of(const VmInfo& vm, const Terminal& terminal) {
  const auto tone = tone_of(vm);
  switch (tone) {
    case Tone::good:
      return {std::string(terminal.choose("●", "*")), tone};
    case Tone::bad:
      return {std::string(terminal.choose("✗", "x")), tone};
    case Tone::warning:
      return {std::string(terminal.choose("◌", "~")), tone};
    case Tone::plain:
    case Tone::strong:
    case Tone::faint:
      break;
  }
  return {std::string(terminal.choose("○", "-")), tone};
}

std::string doing(const VmInfo& vm) {
  const auto phase = vm.phase();
  return phase == "running" || phase == "inactive" ? vm.state() : phase;
}

std::uint64_t since_usec(const VmInfo& vm) {
  const auto phase = vm.phase();
  const bool stands_still = phase == "paused" || phase == "asleep" || phase == "stuck";
  return vm.number(stands_still ? "PhaseSinceUSec" : "StartedUSec");
}

std::string why(const VmInfo& vm) {
  const auto reason = vm.reason(), error = vm.text("LastError");
  if (error.empty() || reason.find(error) != std::string::npos) return reason;
  return reason.empty() ? error : reason + "; " + error;
}

std::string mark_text(const VmInfo& vm) {
  return vm.flag("Autostart") ? "yes" : vm.flag("AutostartOnce") ? "once" : "no";
}

std::string property_text(const std::string& name, const json& value, const Terminal& terminal) {
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (value.is_number_integer() && name.ends_with("USec")) {
    const auto usec = value.get<std::uint64_t>();
    if (!name.starts_with("Started") && !name.starts_with("PhaseSince"))
      return duration_text(std::chrono::microseconds(usec));
    if (usec == 0) return {};
    return time_text(usec) + (terminal.is_terminal ? " (" + terminal.when(usec) + ")" : "");
  }
  if (value.is_number_integer() && name == "Progress") return value.get<int>() < 0 ? "" : value.dump() + " %";
  if (value.is_array()) return list_text(value);
  if (value.is_object()) return object_text(value);
  return value.is_string() ? value.get<std::string>() : value.is_null() ? "" : value.dump();
}

json to_json(const std::vector<VmInfo>& vms) {
  const auto on_demand = read_on_demand(unit_folder());
  auto list = json::array();
  for (const auto& vm : vms) {
    auto& shown = list.emplace_back(vm.json());
    shown["OnDemand"] = on_demand_json(vm.uuid(), on_demand);
  }
  return list;
}

}  // namespace virtsession::ctl
