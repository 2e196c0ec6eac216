// SPDX-License-Identifier: LGPL-2.1-or-later
#include "e2e/desktop.hpp"

#include "e2e/support/bus.hpp"

#include <cstdlib>
#include <filesystem>
#include <stdexcept>

namespace virtsession::test {
namespace {

/// What the build leaves for these tests; ctest's set-up makes it (tests/CMakeLists.txt). Another root file system, and
/// what was built for it, may be named in the environment (tests/run.sh compat).
HostOptions bare() {
  HostOptions options{.guests = VIRTSESSION_GUESTS};
  if (const char* lower = std::getenv("VIRTSESSION_TEST_LOWER")) options.lower = lower;
  return options;
}

HostOptions installed() {
  auto options = bare();
  const char* tree = std::getenv("VIRTSESSION_TEST_INSTALLED");
  options.install = {tree ? tree : VIRTSESSION_INSTALLED};
  return options;
}

}  // namespace

Desktop::Desktop(bool enabled) : host_(installed()), enabled_(enabled) {
  host_.add_user(kUser);
  if (enabled) host_.must_exec({"systemctl", "--global", "enable", "virtsessiond.service"});
}

Desktop::Desktop(Bare) : host_(bare()), enabled_(false) { host_.add_user(kUser); }

void Desktop::login() {
  host_.login(kUser);
  if (enabled_) wait_ready();
}

void Desktop::logout() {
  client_.reset();
  host_.logout(kUser);
  host_.wait_user_stopped(kUser);
}

void Desktop::reboot() {
  client_.reset();
  host_.reboot();
}

void Desktop::power_cut() {
  client_.reset();
  host_.kill();
}

void Desktop::connect() {
  client_.reset();
  client_ = std::make_unique<Client>(connect_to_user_bus(host_, kUser));
}

void Desktop::wait_ready() {
  connect();
  wait_until(
      [&] {
        try {
          return manager_text("LibvirtState") == "ready";
        } catch (const sdbus::Error&) {
          return false;  // nobody owns the name yet
        }
      },
      kLong, "virtsessiond is connected to libvirt");
}

Guest Desktop::run_vm(const std::string& name) {
  auto guest = define({.name = name, .system = System::none});
  guest.start();
  wait_for(name, "Phase", "running");
  return guest;
}

std::string Desktop::systemctl(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"systemctl", "--user"});
  return run(arguments);
}

std::string Desktop::virsh(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"virsh", "-c", "qemu:///session"});
  return run(arguments);
}

pid_t Desktop::main_pid(const std::string& unit) { return std::stoi(systemctl({"show", "-P", "MainPID", unit})); }

std::optional<std::string> Desktop::find(const std::string& name) {
  for (const auto& [path, interfaces] : api().managed_objects()) {
    const auto vm = interfaces.find(kVmInterface);
    if (vm != interfaces.end() && vm->second.at("Name").get<std::string>() == name) return path;
  }
  return std::nullopt;
}

std::optional<VariantMap> Desktop::vm_if_known(const std::string& name) {
  const auto path = find(name);
  return path ? std::optional(api().get_all(*path, kVmInterface)) : std::nullopt;
}

VariantMap Desktop::vm(const std::string& name) {
  auto properties = vm_if_known(name);
  if (!properties) throw std::runtime_error("no VM \"" + name + "\" on D-Bus");
  return std::move(*properties);
}

std::string Desktop::text(const std::string& name, const std::string& property) {
  return vm(name).at(property).get<std::string>();
}

bool Desktop::flag(const std::string& name, const std::string& property) { return vm(name).at(property).get<bool>(); }

std::string Desktop::manager_text(const std::string& property) {
  return api().get_all(std::string(kRootPath), kManagerInterface).at(property).get<std::string>();
}

void Desktop::wait_for(const std::string& name, const std::string& property, const std::string& expected,
                       std::chrono::milliseconds timeout) {
  std::optional<VariantMap> last;
  const auto said = [&](const std::string& what) { return last->at(what).get<std::string>(); };
  try {
    wait_until([&] { return (last = vm_if_known(name)) && said(property) == expected; }, timeout,
               name + ": " + property + " is " + expected);
  } catch (const TimedOut& error) {
    throw std::runtime_error(std::string(error.what()) + "; it is " +
                             (last ? said(property) + " (" + said("PhaseReason") + ")" : "not on D-Bus"));
  }
}

Outcome Desktop::call(const std::string& name, const std::string& method, const VariantMap& options) {
  const auto path = find(name);
  if (!path) throw std::runtime_error("no VM \"" + name + "\" on D-Bus");
  return test::wait_for(api().call(*path, kVmInterface, method, options));
}

std::vector<std::string> Desktop::history(const std::string& name) {
  std::vector<std::string> result;
  for (const auto& entry : api().manager().History(name, {}))
    result.push_back(std::get<3>(entry) + ": " + std::get<4>(entry) + " [" + std::get<5>(entry) + "]");
  return result;
}

}  // namespace virtsession::test
