// SPDX-License-Identifier: LGPL-2.1-or-later
#include "app/last_resort.hpp"

#include "core/policy.hpp"
#include "core/stop_plan.hpp"
#include "doctor/gatherers.hpp"
#include "libvirt/error.hpp"
#include "libvirt/event_thread.hpp"
#include "libvirt/raii.hpp"
#include "libvirt/snapshot.hpp"
#include "link/daemon_choice.hpp"
#include "util/bounded.hpp"
#include "util/log.hpp"
#include "util/paths.hpp"

#include <sys/types.h>
#include <sysexits.h>
#include <systemd/sd-bus.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace virtsession {
namespace {

using Clock = std::chrono::steady_clock;
using Bus = UniqueCPtr<sd_bus, sd_bus_close_unref>;

/// Both since the unit's stop began, within its TimeoutStopSec= (110 s): for the VMs, and for a libvirt that hangs.
constexpr std::chrono::seconds kBudget{90};
constexpr std::chrono::seconds kLimit{100};
constexpr std::chrono::milliseconds kLookInterval{200};
/// A guest that boots does not hear the first press of its button.
constexpr std::chrono::seconds kAskAgain{5};
/// For a daemon of libvirt's to be there again.
constexpr std::chrono::seconds kDaemonLimit{20};

constexpr const char* kManager = "org.freedesktop.systemd1";
constexpr const char* kManagerPath = "/org/freedesktop/systemd1";
constexpr const char* kManagerInterface = "org.freedesktop.systemd1.Manager";
constexpr const char* kUnit = "org.freedesktop.systemd1.Unit";
constexpr const char* kService = "org.freedesktop.systemd1.Service";

/// To the manager's own socket: the bus may be what is missing. Null when it does not answer.
Bus connect_to_manager() {
  sd_bus* opened = nullptr;
  if (sd_bus_new(&opened) < 0) return nullptr;
  Bus bus(opened);
  const std::string address = "unix:path=" + runtime_dir() + "/systemd/private";
  if (sd_bus_set_address(bus.get(), address.c_str()) < 0 || sd_bus_start(bus.get()) < 0 ||
      sd_bus_set_method_call_timeout(bus.get(), 5'000'000) < 0)
    return nullptr;
  return bus;
}

/// Empty when it cannot be read.
std::string text_property(sd_bus* bus, const char* path, const char* interface, const char* name) {
  char* text = nullptr;
  if (sd_bus_get_property_string(bus, kManager, path, interface, name, nullptr, &text) < 0) return {};
  return CString(text).get();
}

/// In microseconds of the monotonic clock; 0 when it cannot be read.
std::uint64_t time_property(sd_bus* bus, const std::string& path, const char* interface, const char* name) {
  std::uint64_t value = 0;
  const int read = sd_bus_get_property_trivial(bus, kManager, path.c_str(), interface, name, nullptr, 't', &value);
  return read < 0 ? 0 : value;
}

std::string unit_path(const std::string& unit) {
  char* path = nullptr;
  if (sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit.c_str(), &path) < 0) return {};
  return CString(path).get();
}

/// A run before this that was killed has used up a part of the time: this one goes on in what is left.
Clock::time_point stop_begun() {
  const auto bus = connect_to_manager();
  const auto usec = bus ? time_property(bus.get(), unit_path("virtsession-last-resort.service"), kUnit,
                                        "ActiveExitTimestampMonotonic")
                        : 0;
  return usec > 0 ? Clock::time_point(std::chrono::microseconds(usec)) : Clock::now();
}

bool session_ends(sd_bus* bus) {
  return text_property(bus, kManagerPath, kManagerInterface, "SystemState") == "stopping";
}

/// What still runs then was left running by policy. At the end of the session virtsessiond removes what it has noted of
/// the login, which is there when somebody had stopped it before; and it ends well, which it has not when it never ran.
bool virtsessiond_has_stopped_them(sd_bus* bus) {
  const auto unit = unit_path("virtsessiond.service");
  std::error_code error;
  return time_property(bus, unit, kService, "ExecMainExitTimestampMonotonic") > 0 &&
         text_property(bus, unit.c_str(), kService, "Result") == "success" &&
         !std::filesystem::exists(runtime_dir() + "/virtsession/login.json", error);
}

/// Without asking libvirt, which may not run any more and is not to be started for nothing. Its own pid is there, too,
/// in driver.pid.
bool any_qemu_runs() {
  std::error_code error;
  const std::filesystem::path folder = runtime_dir() + "/libvirt/qemu/run";
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    pid_t pid = 0;
    if (entry->path().extension() == ".pid" && entry->path().stem() != "driver" &&
        std::ifstream(entry->path()) >> pid && pid > 0 && kill(pid, 0) == 0)
      return true;
  }
  return false;
}

struct Vm {
  DomainPtr domain;
  StopNode node;
  Clock::time_point until{};  ///< what its action may take
  Clock::time_point asked{};
};

std::vector<Vm> running_vms(virConnectPtr connection, const Policy& defaults) {
  std::vector<Vm> vms;
  virDomainPtr* listed = nullptr;
  const int count = virConnectListAllDomains(connection, &listed, VIR_CONNECT_LIST_DOMAINS_ACTIVE);
  for (int i = 0; i < count; ++i) {
    Vm vm;
    vm.domain.reset(listed[i]);
    const auto read = read_snapshot(vm.domain.get());
    if (!read || !*read) continue;
    const auto& domain = **read;
    auto policy = defaults;
    if (domain.policy_text) apply_policy(policy, read_policy_text(*domain.policy_text).keys.used);
    vm.node = {domain.uuid,        domain.name,         policy.stop_order,       policy.start_order,
               policy.start_after, policy.stop_actions, policy.stop_timeout_sec, save_time(domain.memory_kib, 0)};
    // Once the session has ended nothing can be left running.
    std::erase(vm.node.actions, StopAction::leave);
    if (vm.node.actions.empty()) vm.node.actions = {StopAction::shutdown, StopAction::poweroff};
    vms.push_back(std::move(vm));
  }
  std::free(listed);
  return vms;
}

bool is_alive(virConnectPtr connection) { return virConnectIsAlive(connection) == 1; }

class LastStop {
 public:
  /// \param connection that of the VMs, which outlives this
  LastStop(virConnectPtr connection, std::vector<Vm> vms, Clock::time_point deadline)
      : connection_(connection), vms_(std::move(vms)), deadline_(deadline) {
    std::vector<StopNode> nodes;
    for (const auto& vm : vms_) nodes.push_back(vm.node);
    StopWaves left;
    for (const auto& planned : plan_stops(nodes)) {
      left[planned.wave].push_back({.uuid = planned.uuid, .to_come = planned.time, .save_is_guessed = true});
      for (auto& vm : vms_)
        if (vm.node.uuid == planned.uuid) waves_[planned.wave].push_back(&vm);
    }
    fit_ = fit_stops(left, static_cast<std::int64_t>(vms_.size()), deadline_ - Clock::now());
  }

  /// Ends also when libvirt is lost.
  void run() {
    for (auto& [number, wave] : waves_) {
      if (!is_alive(connection_)) return;
      for (auto* vm : wave) begin(*vm);
      while (!wave.empty()) {
        std::erase_if(wave, [this](Vm* vm) { return is_off(*vm) || !go_on(*vm); });
        if (!wave.empty()) std::this_thread::sleep_for(kLookInterval);
      }
    }
  }

 private:
  static bool is_off(const Vm& vm) { return virDomainIsActive(vm.domain.get()) != 1; }

  /// Begins the first of the actions that are left, or the next one that libvirt does not refuse.
  void begin(Vm& vm) {
    auto& actions = vm.node.actions;
    while (is_alive(connection_) && !actions.empty() && !does(vm, actions.front())) actions.erase(actions.begin());
  }

  /// \return whether it is still worth waiting for
  bool go_on(Vm& vm) {
    auto& actions = vm.node.actions;
    if (actions.empty()) return false;
    const auto now = Clock::now();
    if (now < vm.until && now < deadline_) {
      if (actions.front() == StopAction::shutdown && now - vm.asked >= kAskAgain) ask(vm);
      return true;
    }
    actions.erase(actions.begin());
    if (now >= deadline_) actions = {StopAction::poweroff};
    begin(vm);
    return !actions.empty();
  }

  static bool ask(Vm& vm) {
    vm.asked = Clock::now();
    return virDomainShutdown(vm.domain.get()) == 0;
  }

  bool does(Vm& vm, StopAction action) {
    const bool last = vm.node.actions.size() == 1;
    const auto time = stop_time(action, last, vm.node.timeout_sec, vm.node.save_takes);
    vm.until = Clock::now() + fit_.share(vm.node.uuid).of(time);
    log::warn("Last resort: VM \"{}\": {}", vm.node.name, to_text(action));
    bool done = false;
    switch (action) {
      case StopAction::shutdown:
        done = ask(vm);
        break;
      case StopAction::save:
        // Blocks until it is written: not begun when there is no time for it, and half a save is none.
        done = Clock::now() + time.save < deadline_ && virDomainManagedSave(vm.domain.get(), 0) == 0;
        break;
      case StopAction::poweroff:
        done = virDomainDestroyFlags(vm.domain.get(), VIR_DOMAIN_DESTROY_GRACEFUL) == 0;
        break;
      case StopAction::leave:
        break;
    }
    if (!done) log::warn("Last resort: VM \"{}\": {}", vm.node.name, take_last_error().message);
    return done;
  }

  virConnectPtr connection_;
  std::vector<Vm> vms_;
  Clock::time_point deadline_;
  std::map<std::uint32_t, std::vector<Vm*>> waves_;
  StopFit fit_;
};

/// "libvirtd" or "virtqemud", whose unit ran last in this login; empty when none of the two did.
std::string last_daemon(sd_bus* bus) {
  std::string last;
  std::uint64_t latest = 0;
  for (const std::string daemon : {"libvirtd", "virtqemud"}) {
    const auto began = time_property(bus, unit_path("virtsession-" + daemon + ".service"), kService,
                                     "ExecMainStartTimestampMonotonic");
    if (began > latest) last = daemon;
    latest = std::max(latest, began);
  }
  return last;
}

void call_for_unit(sd_bus* bus, const char* method, const std::string& unit) {
  // Whether it worked shows when libvirt is connected to.
  sd_bus_call_method(bus, kManager, kManagerPath, kManagerInterface, method, nullptr, nullptr, "ss", unit.c_str(),
                     "ignore-dependencies");
}

/// The daemon may be gone, too, and the unit that is about to stop is not restarted: it is started alone, after it was
/// stopped alone in case it waits for its restart (LibvirtUnit does the same while there is a bus).
ConnectPtr connect_to_libvirt(sd_bus* bus) {
  const auto daemon = last_daemon(bus);
  const auto unit = "virtsession-" + daemon + ".service", path = unit_path(unit);
  const auto uri = daemon.empty() ? std::string("qemu:///session")
                                  : "qemu:///session?socket=" + daemon_socket(runtime_dir(), daemon);
  for (const auto end = Clock::now() + kDaemonLimit;; std::this_thread::sleep_for(kLookInterval)) {
    ConnectPtr connection(virConnectOpen(uri.c_str()));
    if (connection || daemon.empty() || Clock::now() > end) return connection;
    const auto state = text_property(bus, path.c_str(), kUnit, "SubState");
    if (state.starts_with("auto-restart")) call_for_unit(bus, "StopUnit", unit);
    if (state != "running" && !state.starts_with("start")) call_for_unit(bus, "StartUnit", unit);
  }
}

int stop_all(Clock::time_point deadline) {
  if (Clock::now() >= deadline) return EX_OK;
  const auto bus = connect_to_manager();
  if (!bus || !session_ends(bus.get()) || virtsessiond_has_stopped_them(bus.get()) || !any_qemu_runs()) return EX_OK;
  log::warn("The session ends with VMs that run, and virtsessiond has not stopped them: they are stopped now");
  const auto events = EventThread::share();
  const auto defaults = read_policy_defaults(options_from_environment());
  while (true) {
    const auto connection = connect_to_libvirt(bus.get());
    if (!connection) {
      log::error("Last resort: {}", take_last_error().message);
      return EX_UNAVAILABLE;
    }
    LastStop(connection.get(), running_vms(connection.get(), defaults), deadline).run();
    if (is_alive(connection.get()) || !any_qemu_runs() || Clock::now() >= deadline) return EX_OK;
    log::warn("Last resort: libvirt is gone, and is started again");
  }
}

}  // namespace

int stop_as_last_resort() {
  const auto begun = stop_begun();
  Bounded<int> all("last-resort", [begun] { return stop_all(begun + kBudget); });
  const auto code = all.get(begun + kLimit);
  if (!code) log::error("Last resort: libvirt does not answer; QEMU gets SIGTERM");
  return code.value_or(EX_UNAVAILABLE);
}

}  // namespace virtsession
