// SPDX-License-Identifier: LGPL-2.1-or-later
#include "monitor.hpp"

#include "dbus/object_path.hpp"
#include "exit_code.hpp"
#include "property_json.hpp"
#include "select.hpp"
#include "text.hpp"
#include "util/bus_source.hpp"
#include "vm_text.hpp"

#include <fmt/format.h>

#include <csignal>

namespace virtsession::ctl {
namespace {

using nlohmann::json;

/// "running: started; Autostart: yes"
std::string changes_text(const json& changed, const VmInfo* vm, const Terminal& terminal) {
  std::string text;
  if (vm && (changed.contains("Phase") || changed.contains("PhaseReason")))
    text = vm->phase() + (vm->reason().empty() ? "" : ": " + vm->reason());
  for (const auto& [name, value] : changed.items()) {
    // What is said above, follows from it, or is a count of what other lines tell.
    if (name == "Phase" || name == "PhaseReason" || name == "StateReason" || name == "Counts" || name == "Policy" ||
        name == "StartedUSec" || name == "PhaseSinceUSec")
      continue;
    const auto shown = property_text(name, value, terminal);
    text += (text.empty() ? "" : "; ") + name + ": " + (shown.empty() ? "-" : shown);
  }
  return text;
}

}  // namespace

Monitor::Monitor(Client& client, Console& console, std::vector<std::string> patterns)
    : client_(client), console_(console), patterns_(std::move(patterns)) {
  auto& connection = client.connection();
  const std::string name(kBusName);
  matches_.push_back(sdbus_compat::add_match(
      connection, "type='signal',sender='" + name + "',path_namespace='" + std::string(kRootPath) + "'",
      [this](sdbus::Message& message) { on_signal(message); }));
  matches_.push_back(sdbus_compat::add_match(
      connection, "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='" + name + "'",
      [this](sdbus::Message& message) { on_owner(message); }));
}

void Monitor::run(const std::vector<VmInfo>& vms) {
  for (const auto& vm : vms) vms_[vm.path] = vm;
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGINT, SIGTERM}) sigaddset(&signals, number);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::string lost;
  const BusSource source(loop_, client_.connection(), [&](const std::string& text) {
    lost = text;
    loop_.quit(0);
  });
  std::vector<EventSource> sources;
  for (const int number : {SIGINT, SIGTERM}) sources.push_back(loop_.on_signal(number, [this] { loop_.quit(0); }));
  loop_.run();
  if (!lost.empty()) throw Failure(kFailed, printable(lost));
}

void Monitor::on_signal(sdbus::Message& message) {
  const std::string member = message.getMemberName(), path = message.getPath();
  if (member == "PropertiesChanged")
    on_changed(path, message);
  else if (member == "InterfacesAdded")
    on_added(message);
  else if (member == "InterfacesRemoved")
    on_removed(message);
}

void Monitor::on_owner(sdbus::Message& message) {
  std::string name, before, now;
  message >> name >> before >> now;
  vms_.clear();
  if (now.empty())
    tell("daemon-stopped", std::string(kRootPath), nullptr, json::object(), "virtsessiond stopped");
  else
    tell("daemon-started", std::string(kRootPath), nullptr, json::object(), "virtsessiond started");
}

void Monitor::on_changed(const std::string& path, sdbus::Message& message) {
  std::string interface;
  VariantMap values;
  message >> interface >> values;
  const auto changed = properties_to_json(values);
  const auto found = vms_.find(path);
  if (found == vms_.end()) {
    if (path == kRootPath && patterns_.empty())
      if (const auto text = changes_text(changed, nullptr, console_.out()); console_.json || !text.empty())
        tell("changed", path, nullptr, changed, text);
    return;
  }
  auto& vm = found->second;
  vm.update(changed);
  tell("changed", path, &vm, changed, changes_text(changed, &vm, console_.out()));
}

void Monitor::on_added(sdbus::Message& message) {
  sdbus::ObjectPath path;
  std::map<std::string, VariantMap> interfaces;
  message >> path >> interfaces;
  const auto found = interfaces.find(org::virtsession::Supervisor1::VM_proxy::INTERFACE_NAME);
  if (found == interfaces.end()) return;
  const auto& vm = vms_[path] = VmInfo(path, properties_to_json(found->second));
  tell("added", path, &vm, vm.json(), "is there: " + vm.phase() + (vm.reason().empty() ? "" : ", " + vm.reason()));
}

void Monitor::on_removed(sdbus::Message& message) {
  sdbus::ObjectPath path;
  message >> path;
  const auto gone = vms_.extract(path);
  if (!gone.empty()) tell("removed", path, &gone.mapped(), json::object(), "is gone");
}

void Monitor::tell(const char* event, const std::string& path, const VmInfo* vm, const json& properties,
                   const std::string& text) {
  if (vm && !is_selected(*vm, patterns_)) return;
  if (console_.json)
    return console_.print_json_line({{"time_usec", realtime_usec()},
                                     {"event", event},
                                     {"path", path},
                                     {"uuid", vm ? vm->uuid() : ""},
                                     {"name", vm ? vm->name() : ""},
                                     {"properties", properties}});
  const auto& terminal = console_.out();
  const auto now = realtime_usec();
  auto line = terminal.paint(Tone::faint, terminal.is_terminal ? clock_text(now) : time_text(now)) + " ";
  if (vm) line += terminal.paint(tone_of(*vm), printable(vm->name())) + ": ";
  console_.print(line + printable(text));
  static_cast<void>(console_.flush());
}

}  // namespace virtsession::ctl
