// SPDX-License-Identifier: LGPL-2.1-or-later
#include "desktop_bus.hpp"

#include "dbus/object_path.hpp"
#include "util/log.hpp"
#include "util/variant_map.hpp"
#include "words.hpp"

#include <algorithm>
#include <chrono>

namespace virtsession::search {
namespace {

using Objects = std::map<sdbus::ObjectPath, std::map<std::string, VariantMap>>;

constexpr const char* kVmInterface = "org.virtsession.Supervisor1.VM";
constexpr const char* kWindow = "org.virtsession.Window";
constexpr const char* kNotifications = "org.freedesktop.Notifications";
constexpr std::chrono::hours kAsLongAsItTakes{24};  // a guest that saves its memory

std::string text_of(const VariantMap& properties, const std::string& name) {
  const auto found = properties.find(name);
  return found != properties.end() && found->second.containsValueOfType<std::string>()
             ? found->second.get<std::string>()
             : std::string();
}

std::vector<Machine> machines_of(const Objects& objects) {
  std::vector<Machine> machines;
  for (const auto& [path, interfaces] : objects) {
    const auto vm = interfaces.find(kVmInterface);
    if (vm == interfaces.end()) continue;
    const auto saved = vm->second.find("ManagedSave");
    machines.push_back(
        {text_of(vm->second, "Uuid"), text_of(vm->second, "Name"), text_of(vm->second, "Title"),
         text_of(vm->second, "State"), text_of(vm->second, "Phase"),
         saved != vm->second.end() && saved->second.containsValueOfType<bool>() && saved->second.get<bool>()});
  }
  return machines;
}

/// \return nullptr for what is not a call
const char* method_of(Action action) {
  switch (action) {
    case Action::start:
      return "Start";
    case Action::shutdown:
      return "Shutdown";
    case Action::save:
      return "Save";
    case Action::open:
      break;
  }
  return nullptr;
}

std::unique_ptr<sdbus::IProxy> proxy(sdbus::IConnection& connection, const std::string& service,
                                     const std::string& path) {
  return sdbus::createProxy(connection, sdbus_compat::ServiceName(service), sdbus::ObjectPath(path));
}

}  // namespace

DesktopBus::DesktopBus(EventLoop& loop, sdbus::IConnection& connection)
    : connection_(connection),
      caller_(loop),
      bus_(proxy(connection, "org.freedesktop.DBus", "/org/freedesktop/DBus")),
      supervisor_(proxy(connection, std::string(kBusName), std::string(kRootPath))),
      window_(proxy(connection, kWindow, "/org/virtsession/Window")),
      notifications_(proxy(connection, kNotifications, "/org/freedesktop/Notifications")) {}

DesktopBus::~DesktopBus() = default;

void DesktopBus::machines(std::function<void(std::vector<Machine>)> done) {
  ++waiting_;
  const auto finish = [this, done](std::vector<Machine> machines) {
    --waiting_;
    done(std::move(machines));
  };
  caller_.call_for<bool>(
      *bus_, "org.freedesktop.DBus", "NameHasOwner",
      [this, finish](const sdbus::Error* error, bool runs) {
        if (error || !runs) return finish({});
        caller_.call_for<Objects>(*supervisor_, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects",
                                  [finish](const sdbus::Error* failed, const Objects& objects) {
                                    if (failed)
                                      log::warn("Failed to read the virtual machines: {}", failed->getMessage());
                                    finish(failed ? std::vector<Machine>() : machines_of(objects));
                                  });
      },
      std::string(kBusName));
}

void DesktopBus::run(const MatchId& id, const Activation& activation) {
  machines([this, id, activation](const std::vector<Machine>& all) {
    const auto found = std::ranges::find(all, id.uuid, &Machine::uuid);
    if (found != all.end()) run(*found, id.action, activation);
  });
}

void DesktopBus::run(const Machine& machine, Action action, const Activation& activation) {
  const auto tell = [this, title = failure_title(machine.name, action)](const sdbus::Error& error) {
    notify(title, error.getMessage());
  };
  const auto* const method = method_of(action);
  if (!method) return activate_window("show-machine", machine.uuid, activation, tell);
  auto& vm = vms_[machine.uuid];
  if (!vm) vm = proxy(connection_, std::string(kBusName), object_path(machine.uuid));
  ++waiting_;
  caller_.call_within(
      kAsLongAsItTakes, *vm, kVmInterface, method,
      [this, tell](const sdbus::Error* error) {
        --waiting_;
        if (error) tell(*error);
      },
      VariantMap());
}

void DesktopBus::open_search(const std::string& terms, const Activation& activation) {
  activate_window("search", terms, activation,
                  [](const sdbus::Error& error) { log::warn("Failed to open the window: {}", error.getMessage()); });
}

void DesktopBus::activate_window(const std::string& action, const std::string& parameter, const Activation& activation,
                                 std::function<void(const sdbus::Error&)> failed) {
  // What a launcher passes on, by the names that GApplication reads: "_TIME" is how X11 says when it was asked for.
  VariantMap platform;
  if (const auto* const token = std::get_if<std::string>(&activation)) {
    if (!token->empty()) platform.emplace("activation-token", sdbus::Variant(*token));
  } else {
    platform.emplace("desktop-startup-id",
                     sdbus::Variant("virtsession_TIME" + std::to_string(std::get<0>(activation))));
  }
  ++waiting_;
  caller_.call(
      *window_, "org.freedesktop.Application", "ActivateAction",
      [this, failed](const sdbus::Error* error) {
        --waiting_;
        if (error) failed(*error);
      },
      action, std::vector<sdbus::Variant>{sdbus::Variant(parameter)}, platform);
}

void DesktopBus::notify(const std::string& title, const std::string& text) {
  ++waiting_;
  const VariantMap hints{{"desktop-entry", sdbus::Variant(std::string(kWindow))}};
  caller_.call_for<std::uint32_t>(
      *notifications_, kNotifications, "Notify",
      [this](const sdbus::Error* error, std::uint32_t) {
        --waiting_;
        if (error) log::warn("Failed to notify the desktop: {}", error->getMessage());
      },
      std::string("virtsession"), std::uint32_t{0}, std::string("dialog-error"), title, text,
      std::vector<std::string>(), hints, std::int32_t{-1});
}

}  // namespace virtsession::search
