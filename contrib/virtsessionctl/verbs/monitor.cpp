// SPDX-License-Identifier: LGPL-2.1-or-later
#include "../client.hpp"
#include "../console.hpp"
#include "../text.hpp"
#include "../verb.hpp"
#include "../vm_info.hpp"
#include "../vm_text.hpp"
#include "dbus/object_path.hpp"
#include "util/bus_source.hpp"
#include "util/event_loop.hpp"

#include <fmt/format.h>

#include <csignal>
#include <map>
#include <string>
#include <vector>

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
        name == "StartedUSec" || name == "PhaseSinceUSec" || name == "Progress")
      continue;
    const auto shown = property_text(name, value, terminal);
    text += (text.empty() ? "" : "; ") + name + ": " + (shown.empty() ? "-" : shown);
  }
  return text;
}

/// Tells what virtsessiond signals: a line for each signal, or a JSON document.
class Monitor {
 public:
  /// Listens from now on. \param patterns of VMs; empty for all, and then of the manager too
  Monitor(Client& client, Console& console, std::vector<std::string> patterns);
  /// Returns after SIGINT or SIGTERM. \param vms as they are, read after the construction
  void run(const std::vector<VmInfo>& vms);

 private:
  void on_signal(sdbus::Message& message);
  void on_owner(sdbus::Message& message);
  void on_changed(const std::string& path, sdbus::Message& message);
  void on_added(sdbus::Message& message);
  void on_removed(sdbus::Message& message);
  void tell(const char* event, const std::string& path, const VmInfo* vm, const nlohmann::json& properties,
            const std::string& text);

  Client& client_;
  Console& console_;
  std::vector<std::string> patterns_;
  EventLoop loop_;
  std::map<std::string, VmInfo> vms_;  // by path
  std::vector<sdbus::Slot> matches_;
};

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
  bool lost = false;
  const BusSource source(loop_, client_.connection(), [&](const std::string&) {
    lost = true;
    loop_.quit(0);
  });
  std::vector<EventSource> sources;
  for (const int number : {SIGINT, SIGTERM}) sources.push_back(loop_.on_signal(number, [this] { loop_.quit(0); }));
  loop_.run();
  if (lost) throw Failure(kFailed, "the session bus is gone: the session has ended");
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
  JsonDict values;
  message >> interface >> values;
  const auto changed = properties_to_json(values);
  const auto found = vms_.find(path);
  const bool is_manager = path == kRootPath && patterns_.empty();
  if (found == vms_.end() && !is_manager) return;
  VmInfo* const vm = is_manager ? nullptr : &found->second;
  if (vm) vm->update(changed);
  const auto text = changes_text(changed, vm, console_.out());
  // Nothing that a line would tell may have changed.
  if (console_.json || !text.empty()) tell("changed", path, vm, changed, text);
}

void Monitor::on_added(sdbus::Message& message) {
  sdbus::ObjectPath path;
  std::map<std::string, JsonDict> interfaces;
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

}  // namespace

Verb add_monitor(CLI::App& app) {
  const auto patterns = std::make_shared<std::vector<std::string>>();
  auto* command = app.add_subcommand("monitor", "Show every change as it happens, until Ctrl-C")->group(kLook);
  command->add_option("VM", *patterns, "Only these VMs");
  command->footer("Goes on when virtsessiond is restarted, and waits for it when it does not run.");
  return {command, Completes::vms, [patterns](Console& console) {
            Client client;
            std::vector<VmInfo> vms;
            const bool runs = client.find();
            Monitor monitor(client, console, *patterns);  // from here on no change is missed
            if (runs) {
              vms = client.vms();
              if (!vms.empty()) static_cast<void>(client.select(*patterns));
            }
            if (!runs)
              console.note("virtsessiond does not run; waiting for it.");
            else if (console.err().is_terminal)
              console.note("Waiting for changes; Ctrl-C ends it.");
            monitor.run(vms);
            return int{kOk};
          }};
}

}  // namespace virtsession::ctl
