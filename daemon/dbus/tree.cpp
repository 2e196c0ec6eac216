// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dbus/tree.hpp"

#include "dbus/manager_object.hpp"
#include "dbus/object_path.hpp"
#include "dbus/requests.hpp"
#include "dbus/vm_objects.hpp"
#include "util/sdbus_compat.hpp"

#include <cstdint>
#include <utility>

namespace virtsession {

struct Tree::Objects {
  Objects(sdbus::IConnection& connection, Api& api)
      : requests(connection, api),
        manager(connection, requests),
        family(connection, std::string(kVmFolder)),
        vms(family, requests) {}

  Requests requests;
  ManagerObject manager;
  ObjectFamily family;
  VmObjects vms;
};

Tree::Tree(sdbus::IConnection& connection, Api& api)
    : connection_(connection), objects_(std::make_unique<Objects>(connection, api)) {}

Tree::~Tree() = default;

namespace {

/// \return "D-Bus client :1.5, pid 123, UNIT (virtsessiond)", or nothing when nobody owns the name
std::string owner_of(sdbus::IConnection& connection, const std::string& name) try {
  const auto bus = sdbus::createProxy(connection, sdbus_compat::ServiceName("org.freedesktop.DBus"),
                                      sdbus::ObjectPath("/org/freedesktop/DBus"));
  std::string owner;
  bus->callMethod("GetNameOwner").onInterface("org.freedesktop.DBus").withArguments(name).storeResultsTo(owner);
  std::uint32_t pid = 0;
  bus->callMethod("GetConnectionUnixProcessID")
      .onInterface("org.freedesktop.DBus")
      .withArguments(owner)
      .storeResultsTo(pid);
  const auto caller = describe_caller(owner, pid);
  return "D-Bus client " + caller.client + " (" + caller.name + ")";
} catch (const sdbus::Error&) {
  return {};
}

}  // namespace

Result<void> Tree::request_name() {
  const std::string name(kBusName);
  try {
    sdbus_compat::request_name(connection_, name);
    return {};
  } catch (const sdbus::Error& error) {
    if (const auto owner = owner_of(connection_, name); !owner.empty())
      return Error{ErrorCode::busy, "another virtsessiond is running: " + name + " is owned by " + owner};
    return Error{ErrorCode::operation_failed, "Failed to own the bus name " + name + ": " + error.getMessage()};
  }
}

void Tree::update(const VmView& view) { objects_->vms.update(view); }

void Tree::remove(const std::string& uuid) { objects_->vms.remove(uuid); }

void Tree::update(const ManagerView& view) { objects_->manager.update(view); }

}  // namespace virtsession
