// SPDX-License-Identifier: LGPL-2.1-or-later
#include "client.hpp"

#include "console.hpp"
#include "dbus/object_path.hpp"
#include "exit_code.hpp"
#include "property_json.hpp"
#include "text.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <thread>

namespace virtsession::ctl {
namespace {

constexpr const char* kBusService = "org.freedesktop.DBus";
constexpr const char* kNameHasNoOwner = "org.freedesktop.DBus.Error.NameHasNoOwner";
constexpr const char* kPropertiesInterface = "org.freedesktop.DBus.Properties";
constexpr std::chrono::seconds kLibvirtWait{10};

std::unique_ptr<sdbus::IConnection> connect() {
  try {
    return sdbus::createSessionBusConnection();
  } catch (const sdbus::Error& error) {
    throw Failure(
        kFailed, "no session bus can be reached: " + printable(error.getMessage()),
        "Virtual machines of qemu:///session belong to a user who is logged in; sudo and su give no session.\n"
        "Log in as that user, or from a root shell: machinectl shell USER@");
  }
}

}  // namespace

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
    if (std::string(error.getName()) == kNameHasNoOwner) return false;
    throw;
  }
  manager_ = std::make_unique<ManagerProxy>(*connection_, service_);
  return true;
}

void Client::require() {
  if (!find())
    throw Failure(kNotRunning, "virtsessiond does not run, so it can tell nothing",
                  "Turn it on:  systemctl --user enable --now virtsessiond");
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
    throw Failure(kNotRunning, "virtsessiond does not run and could not be started: " + printable(error.getMessage()),
                  "Turn it on:  systemctl --user enable --now virtsessiond\n"
                  "If it fails: journalctl --user -u virtsessiond");
  }
  require();
  if (!console.json) console.note("virtsessiond was not running and has been started.");
}

Properties Client::manager_properties() {
  VariantMap values;
  proxy_to(std::string(kRootPath))
      ->callMethod("GetAll")
      .onInterface(kPropertiesInterface)
      .withArguments(std::string(ManagerProxy::INTERFACE_NAME))
      .storeResultsTo(values);
  return Properties(properties_to_json(values));
}

std::vector<VmInfo> Client::vms() {
  std::map<sdbus::ObjectPath, std::map<std::string, VariantMap>> objects;
  proxy_to(std::string(kRootPath))
      ->callMethod("GetManagedObjects")
      .onInterface("org.freedesktop.DBus.ObjectManager")
      .storeResultsTo(objects);
  std::vector<VmInfo> vms;
  for (const auto& [path, interfaces] : objects) {
    const auto found = interfaces.find(org::virtsession::Supervisor1::VM_proxy::INTERFACE_NAME);
    if (found != interfaces.end()) vms.emplace_back(std::string(path), properties_to_json(found->second));
  }
  std::ranges::sort(vms, {}, [](const VmInfo& vm) { return std::pair(vm.name(), vm.uuid()); });
  return vms;
}

bool Client::wait_for_libvirt(std::chrono::milliseconds at_most) {
  const auto deadline = std::chrono::steady_clock::now() + at_most;
  while (true) {
    const auto now = manager_properties();  // both in one answer
    const auto state = now.text("LibvirtState");
    // Down without a reason: it has not begun yet.
    const bool on_its_way = state != "ready" && (state != "down" || now.text("LibvirtReason").empty());
    if (!on_its_way || std::chrono::steady_clock::now() >= deadline) return state == "ready";
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
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
