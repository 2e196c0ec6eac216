// SPDX-License-Identifier: LGPL-2.1-or-later
#include "client.hpp"

#include "console.hpp"
#include "core/utf8.hpp"
#include "dbus/object_path.hpp"
#include "dbus/text.hpp"
#include "doctor/gather.hpp"
#include "doctor/run_program.hpp"
#include "doctor/systemd_client.hpp"
#include "text.hpp"
#include "util/bus_source.hpp"
#include "util/event_loop.hpp"
#include "util/session_user.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <utility>

namespace virtsession::ctl {
namespace {

constexpr const char* kBusService = "org.freedesktop.DBus";
constexpr const char* kNameHasNoOwner = "org.freedesktop.DBus.Error.NameHasNoOwner";
constexpr const char* kPropertiesInterface = "org.freedesktop.DBus.Properties";
constexpr const char* kNoSuchVmError = "org.virtsession.Supervisor1.Error.NoSuchVM";
constexpr const char* kUnit = "virtsessiond.service";
constexpr std::chrono::seconds kLibvirtWait{10};
constexpr std::chrono::seconds kSystemdWait{2};

/// Nothing can be turned on for such a user. A virtsessiond that runs (--connect) is used.
void refuse_who_has_no_session() {
  if (const auto why = why_no_session()) throw Failure(kFailed, printable(*why));
}

std::unique_ptr<sdbus::IConnection> connect() {
  try {
    return sdbus::createSessionBusConnection();
  } catch (const sdbus::Error& error) {
    refuse_who_has_no_session();
    throw Failure(
        kFailed, "no session bus can be reached: " + printable(error.getMessage()),
        "Virtual machines of qemu:///session belong to a user who is logged in; sudo and su give no session.\n"
        "Log in as that user, or from a root shell: machinectl shell USER@");
  }
}

bool is_pattern(const std::string& text) { return text.find_first_of("*?[") != std::string::npos; }

std::string nothing_fits(const std::vector<VmInfo>& vms, const std::string& pattern) {
  if (is_pattern(pattern)) return "no VM's name fits " + quote(pattern);
  std::vector<std::string> names;
  names.reserve(vms.size());
  for (const auto& vm : vms) names.push_back(vm.name());
  return "no VM has the name or uuid " + quote(pattern) + suggestion(pattern, names);
}

/// A Result= of systemd.service(5), for a person.
std::string result_text(const std::string& result) {
  if (result == "exit-code") return "it ended with an error";
  if (result == "signal") return "it was killed";
  if (result == "core-dump") return "it crashed";
  if (result == "watchdog") return "it hung";
  if (result == "timeout") return "it did not start in time";
  if (result == "oom-kill") return "memory ran out";
  if (result == "start-limit-hit") return "it ended too often in a short time";
  return result;
}

/// The last error that virtsessiond wrote to the journal, or empty.
std::string last_words() {
  const auto journalctl = find_program("journalctl", GatherOptions().program_folders);
  if (journalctl.empty()) return {};
  auto text = run_program({journalctl, "--user", "--unit=virtsessiond", "--identifier=virtsessiond", "--priority=err",
                           "--lines=1", "--output=cat", "--quiet", "--no-pager"},
                          kSystemdWait)
                  .value_or("");
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

/// \return why the unit failed, or nothing when it has not, or systemd does not say
std::optional<std::string> failure_of_unit() {
  auto systemd = SystemdClient::connect(options_from_environment().session_bus, kSystemdWait);
  if (!systemd) return std::nullopt;
  auto manager = std::move(systemd).value();
  const auto units = manager.list({kUnit});
  if (!units || units->empty() || units->front().active_state != "failed") return std::nullopt;
  const auto read = manager.text_property(units->front().path, "org.freedesktop.systemd1.Service", "Result");
  const auto result = read ? *read : std::string();
  // What was ended from outside had no last words: they would be another time's.
  const auto words = result == "exit-code" || result == "start-limit-hit" ? last_words() : std::string();
  return result_text(result) + (words.empty() ? "" : ": " + words);
}

}  // namespace

std::string Absence::hint() const {
  auto text = to_do;
  for (const auto& command : commands) text += "\n  " + command;
  return text;
}

Absence look_at_absence() {
  if (const auto why = failure_of_unit())
    return {"virtsessiond has failed: " + printable(*why),
            "Find the cause, and when it is removed start it again:",
            {"journalctl --user --unit=virtsessiond --pager-end",
             "systemctl --user reset-failed virtsessiond; systemctl --user start virtsessiond"},
            true};
  return {"virtsessiond does not run",
          "Turn it on, now and at every login:",
          {"systemctl --user enable --now virtsessiond"},
          false};
}

ManagerProxy::ManagerProxy(sdbus::IConnection& connection, const std::string& service)
    : ProxyInterfaces(connection, sdbus_compat::ServiceName(service), sdbus::ObjectPath(std::string(kRootPath))) {
  registerProxy();
}

ManagerProxy::~ManagerProxy() { unregisterProxy(); }

Client::Client() : connection_(connect()) {
  bus_ = sdbus::createProxy(*connection_, sdbus_compat::ServiceName(kBusService),
                            sdbus::ObjectPath("/org/freedesktop/DBus"));
}

bool Client::find() {
  manager_.reset();
  service_.clear();
  try {
    bus_->callMethod("GetNameOwner")
        .onInterface(kBusService)
        .withArguments(std::string(kBusName))
        .storeResultsTo(service_);
  } catch (const sdbus::Error& error) {
    if (std::string(error.getName()) != kNameHasNoOwner) throw;
    refuse_who_has_no_session();
    return false;
  }
  manager_ = std::make_unique<ManagerProxy>(*connection_, service_);
  return true;
}

void Client::require() {
  if (find()) return;
  const auto absence = look_at_absence();
  throw Failure(kNotRunning, absence.fact, absence.hint());
}

void Client::require_or_start(Console& console) {
  if (find()) return;
  try {
    std::uint32_t started = 0;
    bus_->callMethod("StartServiceByName")
        .onInterface(kBusService)
        .withArguments(std::string(kBusName), std::uint32_t{0})
        .storeResultsTo(started);
  } catch (const sdbus::Error& error) {
    const auto absence = look_at_absence();
    throw Failure(kNotRunning, absence.fact + ", and could not be started: " + printable(error.getMessage()),
                  absence.hint() + (absence.failed ? "" : "\nIf it fails:  journalctl --user -u virtsessiond"));
  }
  require();
  if (!console.json) console.note("virtsessiond was not running and has been started.");
}

JsonDict Client::properties(const std::string& path, const char* interface) {
  JsonDict values;
  proxy_to(path)
      ->callMethod("GetAll")
      .onInterface(kPropertiesInterface)
      .withArguments(std::string(interface))
      .storeResultsTo(values);
  return values;
}

Properties Client::manager_properties() {
  return Properties(properties_to_json(properties(std::string(kRootPath), ManagerProxy::INTERFACE_NAME)));
}

std::vector<VmInfo> Client::vms() {
  std::map<sdbus::ObjectPath, std::map<std::string, JsonDict>> objects;
  proxy_to(std::string(kRootPath))
      ->callMethod("GetManagedObjects")
      .onInterface("org.freedesktop.DBus.ObjectManager")
      .storeResultsTo(objects);
  std::vector<VmInfo> vms;
  for (const auto& [path, interfaces] : objects) {
    const auto found = interfaces.find(kVmInterface);
    if (found != interfaces.end()) vms.emplace_back(std::string(path), properties_to_json(found->second));
  }
  std::ranges::sort(vms, {}, [](const VmInfo& vm) { return std::pair(vm.name(), vm.uuid()); });
  return vms;
}

std::optional<VmInfo> Client::vm(const std::string& name_or_uuid) {
  if (valid_utf8(name_or_uuid) != name_or_uuid) return std::nullopt;  // D-Bus cannot carry it, and no VM shows such
  try {
    const std::string path = manager_->GetVM(name_or_uuid, {});
    return VmInfo(path, properties_to_json(properties(path, kVmInterface)));
  } catch (const sdbus::Error& error) {
    const std::string& name = error.getName();
    // The second when it went away between the two calls.
    if (name == kNoSuchVmError || name == "org.freedesktop.DBus.Error.UnknownObject") return std::nullopt;
    throw;
  }
}

std::vector<VmInfo> Client::select(const std::vector<std::string>& patterns) {
  if (patterns.empty()) return vms();
  std::optional<std::vector<VmInfo>> all;
  std::vector<VmInfo> selected;
  std::set<std::string> seen;
  std::string problems;
  const auto add = [&](const VmInfo& vm) {
    if (seen.insert(vm.uuid()).second) selected.push_back(vm);
  };
  for (const auto& pattern : patterns) {
    if (const auto one = vm(pattern)) {
      add(*one);
      continue;
    }
    if (!all) all = vms();
    bool fits = false;
    for (const auto& vm : *all) {
      if (!vm.is_meant_by(pattern)) continue;
      fits = true;
      add(vm);
    }
    if (!fits) problems += (problems.empty() ? "" : "; ") + nothing_fits(*all, pattern);
  }
  if (!problems.empty())
    throw Failure(kNoSuchVm, problems,
                  all->empty() ? "You have no virtual machines; see  virtsessionctl status"
                               : "Those that there are:  virtsessionctl list");
  return selected;
}

VmInfo Client::select_one(const std::string& pattern) {
  auto found = select({pattern});
  if (found.size() == 1) return found.front();
  std::string names;
  for (const auto& vm : found) names += (names.empty() ? "" : ", ") + quote(vm.name());
  throw Failure(kUsage, quote(pattern) + " fits several VMs, and one is wanted: " + names);
}

nlohmann::json Client::list_addresses(const VmInfo& vm) {
  std::vector<JsonDict> rows;
  proxy_to(vm.path)
      ->callMethod("ListAddresses")
      .onInterface(kVmInterface)
      .withArguments(VariantMap())
      .storeResultsTo(rows);
  return rows_to_json(rows);
}

bool Client::wait_for_change(const std::string& path, const std::function<bool()>& holds,
                             std::chrono::milliseconds at_most) {
  EventLoop loop;
  bool told = false;  // of a change, by a signal
  const auto listen = [&](const std::string& rule) {
    return sdbus_compat::add_match(*connection_, "type='signal'," + rule, [&](sdbus::Message&) { told = true; });
  };
  // From here on no change is missed: what was told while the state was read is read again.
  const auto changes = listen("sender='" + service_ + "',member='PropertiesChanged',path='" + path + "'");
  const auto end =
      listen("sender='" + std::string(kBusService) + "',member='NameOwnerChanged',arg0='" + service_ + "'");
  const BusSource source(loop, *connection_, [&](const std::string&) { told = true; });
  const auto deadline = EventLoop::Clock::now() + at_most;
  while (!holds()) {
    while (!std::exchange(told, false)) {
      const auto left = std::chrono::ceil<std::chrono::microseconds>(deadline - EventLoop::Clock::now());
      if (left.count() <= 0) return false;
      loop.run_once(left);
    }
  }
  return true;
}

bool Client::wait_for_libvirt(std::chrono::milliseconds at_most) {
  std::string state;
  wait_for_change(
      std::string(kRootPath),
      [&] {
        const auto now = manager_properties();  // both in one answer
        state = now.text("LibvirtState");
        // Down without a reason: it has not begun yet.
        return state == "ready" || state == "not-answering" || (state == "down" && !now.text("LibvirtReason").empty());
      },
      at_most);
  return state == "ready";
}

void Client::require_libvirt() {
  if (wait_for_libvirt(kLibvirtWait)) return;
  const auto reason = printable(manager_->LibvirtReason());
  throw Failure(kFailed, "virtsessiond has no connection to libvirt" + (reason.empty() ? "" : ": " + reason),
                "Find out why:  virtsessionctl doctor");
}

std::unique_ptr<sdbus::IProxy> Client::proxy_to(const std::string& path) {
  return sdbus::createProxy(*connection_, sdbus_compat::ServiceName(service_), sdbus::ObjectPath(path));
}

Client looking_client() {
  Client client;
  client.require();
  return client;
}

}  // namespace virtsession::ctl
