// SPDX-License-Identifier: LGPL-2.1-or-later
#include "vm_unit.hpp"

#include "dbus/object_path.hpp"
#include "util/bus_name.hpp"
#include "util/printable.hpp"

#include <cstdio>
#include <limits>
#include <map>
#include <utility>

namespace virtsession {
namespace {

constexpr const char* kVm = "org.virtsession.Supervisor1.VM";
constexpr const char* kManager = "org.virtsession.Supervisor1.Manager";
constexpr const char* kProperties = "org.freedesktop.DBus.Properties";
constexpr const char* kBus = "org.freedesktop.DBus";
constexpr const char* kError = "org.virtsession.Supervisor1.Error.";
/// systemd's limit is put off by this again and again while the VM comes up or goes down, which virtsessiond limits.
constexpr std::chrono::seconds kMoreTime{45};
constexpr std::chrono::seconds kMoreTimeEvery{15};
constexpr std::chrono::seconds kLookAgain{1};
/// virtsessiond answers at once, unless it hangs.
constexpr std::uint64_t kAnswerUsec = 10'000'000;

bool is_up(const std::string& phase) {
  return phase == "running" || phase == "paused" || phase == "asleep" || phase == "stuck";
}

bool is_coming_up(const std::string& phase) {
  return phase == "queued" || phase == "waiting" || phase == "starting" || phase == "waiting-ready" ||
         phase == "backoff";
}

std::string short_name(const sdbus::Error& error) {
  const std::string name = error.getName();
  return name.starts_with(kError) ? name.substr(std::string(kError).size()) : name;
}

void tell(const std::string& text) { std::fprintf(stderr, "%s\n", printable(text).c_str()); }

}  // namespace

VmUnit::VmUnit(EventLoop& loop, sdbus::IConnection& bus, Options options)
    : loop_(loop),
      bus_(bus),
      options_(std::move(options)),
      again_(loop, [this] { look(); }),
      time_(loop, [this] { keep_time(); }),
      name_(options_.names.front()) {
  const auto listen = [&](const std::string& rule) {
    matches_.push_back(
        sdbus_compat::add_match(bus_, "type='signal'," + rule, [this](sdbus::Message&) { look_soon(); }));
  };
  const std::string ours(kBusName), root(kRootPath);
  listen("sender='" + std::string(kBus) + "',member='NameOwnerChanged',arg0='" + ours + "'");
  listen("sender='" + ours + "',member='PropertiesChanged',path='" + root + "'");
  listen("sender='" + ours + "',path='" + root + "',interface='org.freedesktop.DBus.ObjectManager'");
}

void VmUnit::begin() {
  if (owner().empty()) activate();
  look();
}

void VmUnit::look_soon() {
  if (!std::exchange(looks_soon_, true)) loop_.post([this] { look(); });
}

void VmUnit::look() {
  looks_soon_ = false;
  again_.cancel();
  moves_ = false;
  const auto vm = read();
  if (!vm) return;
  name_ = vm->name();
  notify_.status(vm->phase() + (vm->reason().empty() ? "" : ": " + vm->reason()));
  if (stopping_)
    judge_stop(*vm);
  else
    judge(*vm);
  if (moves_) keep_time();
}

/// \return nothing when that is all that can be said now; a VM that is not there has ended the loop
std::optional<ctl::VmInfo> VmUnit::read() {
  service_ = owner();
  if (service_.empty()) {
    notify_.status("virtsessiond is away");
    if (!stopping_) return std::nullopt;
    activate();
    again_.set(EventLoop::Clock::now() + kLookAgain);
    return std::nullopt;
  }
  try {
    for (bool knows_vms = false;;) {
      if (path_.empty()) path_ = find();
      if (auto vm = properties()) return vm;
      if (knows_vms) break;
      const auto libvirt = libvirt_state();
      knows_vms = libvirt == "ready";  // and if it became so just now, the VM is there by now
      if (knows_vms) continue;
      notify_.status("virtsessiond waits for libvirt (" + libvirt + ")");
      return std::nullopt;
    }
  } catch (const sdbus::Error&) {  // it went away between two calls, or does not answer
    again_.set(EventLoop::Clock::now() + kLookAgain);
    return std::nullopt;
  }
  on_gone();
  return std::nullopt;
}

/// \return nothing when virtsessiond has no such object
std::optional<ctl::VmInfo> VmUnit::properties() {
  if (path_.empty()) return std::nullopt;
  try {
    JsonDict values;
    proxy_to(path_)
        ->callMethod("GetAll")
        .onInterface(kProperties)
        .withTimeout(kAnswerUsec)
        .withArguments(std::string(kVm))
        .storeResultsTo(values);
    return ctl::VmInfo(path_, ctl::properties_to_json(values));
  } catch (const sdbus::Error& error) {
    if (std::string(error.getName()) != "org.freedesktop.DBus.Error.UnknownObject") throw;
    return std::nullopt;
  }
}

/// To virtsessiond under its unique name: a call to its other one would start it.
std::unique_ptr<sdbus::IProxy> VmUnit::proxy_to(const std::string& path) {
  return sdbus::createProxy(bus_, sdbus_compat::ServiceName(service_), sdbus::ObjectPath(path));
}

/// \return the VM's path; empty when none is known by one of the names
std::string VmUnit::find() {
  for (const auto& name : options_.names) {
    try {
      sdbus::ObjectPath path;
      proxy_to(std::string(kRootPath))
          ->callMethod("GetVM")
          .onInterface(kManager)
          .withTimeout(kAnswerUsec)
          .withArguments(name, std::map<std::string, sdbus::Variant>())
          .storeResultsTo(path);
      matches_.push_back(sdbus_compat::add_match(
          bus_, "type='signal',sender='" + std::string(kBusName) + "',member='PropertiesChanged',path='" + path + "'",
          [this](sdbus::Message&) { look_soon(); }));
      return path;
    } catch (const sdbus::Error& error) {
      if (short_name(error) != "NoSuchVM") throw;
    }
  }
  return {};
}

/// \return the unique name of virtsessiond; empty when it does not run
std::string VmUnit::owner() {
  try {
    std::string name;
    sdbus::createProxy(bus_, sdbus_compat::ServiceName(kBus), sdbus::ObjectPath("/org/freedesktop/DBus"))
        ->callMethod("GetNameOwner")
        .onInterface(kBus)
        .withArguments(std::string(kBusName))
        .storeResultsTo(name);
    return name;
  } catch (const sdbus::Error&) {
    return {};
  }
}

/// Starts virtsessiond when it does not run; nothing else does while the unit waits for it.
void VmUnit::activate() {
  try {
    // systemd lets a start wait for every stop: virtsessiond's would wait for that of the unit that waits for it.
    if (stopping_)
      return static_cast<void>(
          sdbus::createProxy(bus_, sdbus_compat::ServiceName("org.freedesktop.systemd1"),
                             sdbus::ObjectPath("/org/freedesktop/systemd1"))
              ->callMethod("StartUnit")
              .onInterface("org.freedesktop.systemd1.Manager")
              .withArguments(std::string("virtsessiond.service"), std::string("ignore-dependencies")));
    std::uint32_t started = 0;
    sdbus::createProxy(bus_, sdbus_compat::ServiceName(kBus), sdbus::ObjectPath("/org/freedesktop/DBus"))
        ->callMethod("StartServiceByName")
        .onInterface(kBus)
        .withArguments(std::string(kBusName), std::uint32_t{0})
        .storeResultsTo(started);
  } catch (const sdbus::Error& error) {
    fail("virtsessiond does not run, and could not be started: " + std::string(error.getMessage()));
  }
}

std::string VmUnit::libvirt_state() {
  sdbus::Variant state;
  proxy_to(std::string(kRootPath))
      ->callMethod("Get")
      .onInterface(kProperties)
      .withTimeout(kAnswerUsec)
      .withArguments(std::string(kManager), std::string("LibvirtState"))
      .storeResultsTo(state);
  return state.get<std::string>();
}

void VmUnit::on_gone() {
  if (path_.empty())
    return fail("no VM of this user has the name or uuid \"" + options_.names.front() +
                "\"; those that there are: virtsessionctl list");
  tell("VM \"" + name_ + "\" is gone: it was transient, or undefined");
  end(0);
}

void VmUnit::judge(const ctl::VmInfo& vm) {
  const auto phase = vm.phase();
  if (is_up(phase)) return be_ready();
  const bool gave_up = phase == "gave-up";
  if (!gave_up && phase != "inactive") {
    if (phase == "stopping" || phase == "saving") asked_ = false;  // it is off in a while, and started then
    moves_ = !ready_ && phase != "unknown";
    return;
  }
  if (!ready_ && !asked_) return ask_start(vm);
  const bool was_stopped = ready_ && !gave_up && vm.text("Intent") == "down";
  if (!was_stopped)
    return fail("VM \"" + name_ + "\" " + (ready_ ? "has failed" : "did not start") + ": " + vm.reason());
  tell("VM \"" + name_ + "\" is off: " + vm.reason());
  end(0);
}

void VmUnit::be_ready() {
  if (std::exchange(ready_, true)) return;
  time_.cancel();
  notify_.ready();
}

void VmUnit::ask_start(const ctl::VmInfo& vm) {
  try {
    proxy_to(vm.path)
        ->callMethod("Start")
        .onInterface(kVm)
        .withTimeout(kAnswerUsec)
        .withArguments(std::map<std::string, sdbus::Variant>{{"policy", sdbus::Variant(true)}});
    asked_ = started_ = true;
    look_soon();
  } catch (const sdbus::Error& error) {
    const auto name = short_name(error);
    const bool passes = name == "Busy" || name == "LibvirtUnavailable" || name.find('.') != std::string::npos;
    if (!passes) return fail("VM \"" + name_ + "\" cannot be started: " + std::string(error.getMessage()));
    again_.set(EventLoop::Clock::now() + kLookAgain);
  }
}

void VmUnit::on_terminate() {
  if (std::exchange(stopping_, true)) return;
  notify_.stopping();
  if (session_ends()) return end(0);  // virtsessiond stops all VMs, in their order
  if (ready_ && !started_ && options_.keeps_others) {
    tell("VM \"" + name_ + "\" runs on: it was started by somebody else");
    return end(0);
  }
  look();
}

/// \return whether the user's systemd stops, which it is asked over a connection that is open
bool VmUnit::session_ends() {
  try {
    sdbus::Variant state;
    sdbus::createProxy(bus_, sdbus_compat::ServiceName("org.freedesktop.systemd1"),
                       sdbus::ObjectPath("/org/freedesktop/systemd1"))
        ->callMethod("Get")
        .onInterface(kProperties)
        .withTimeout(std::uint64_t{5'000'000})
        .withArguments(std::string("org.freedesktop.systemd1.Manager"), std::string("SystemState"))
        .storeResultsTo(state);
    return state.get<std::string>() == "stopping";
  } catch (const sdbus::Error&) {
    return false;
  }
}

void VmUnit::judge_stop(const ctl::VmInfo& vm) {
  if (!vm.is_active() && vm.phase() != "unknown" && !is_coming_up(vm.phase())) return end(0);
  moves_ = true;
  if (!stop_asked_) ask_stop(vm);
}

void VmUnit::ask_stop(const ctl::VmInfo& vm) {
  stop_asked_ = true;
  vm_ = proxy_to(vm.path);
  sdbus_compat::finish_registration(*vm_);
  vm_->callMethodAsync("Stop")
      .onInterface(kVm)
      .withTimeout(std::numeric_limits<std::uint64_t>::max())
      .withArguments(std::map<std::string, sdbus::Variant>())
      .uponReplyInvoke([this](sdbus_compat::AsyncError error) {
        if (!error) return end(0);
        const auto name = short_name(*error);
        if (name == "OperationFailed" || name == "Interrupted")
          return fail("VM \"" + name_ + "\" was not stopped: " + std::string(error->getMessage()));
        stop_asked_ = false;  // virtsessiond or libvirt went away, and comes back
        again_.set(EventLoop::Clock::now() + kLookAgain);
      });
}

void VmUnit::keep_time() {
  if (!moves_) return;
  notify_.extend_timeout(kMoreTime);
  time_.set(EventLoop::Clock::now() + kMoreTimeEvery);
}

void VmUnit::fail(const std::string& why) {
  tell(why);
  notify_.status(why);
  end(1);
}

void VmUnit::end(int status) { loop_.quit(status); }

}  // namespace virtsession
