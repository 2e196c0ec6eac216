// SPDX-License-Identifier: LGPL-2.1-or-later
#include "desktop/boxes.hpp"

#include "util/bus_name.hpp"
#include "util/sdbus_compat.hpp"

#include <string>
#include <utility>

namespace virtsession {

namespace {

constexpr auto kBoxes = "org.gnome.Boxes";
constexpr auto kDriver = "org.freedesktop.DBus";

}  // namespace

Boxes::Boxes(sdbus::IConnection& session_bus, std::function<void(bool open)> changed)
    : changed_(std::move(changed)),
      owner_(watch_bus_name(session_bus, kBoxes,
                            [this](const std::string&, const std::string& owner) { set(!owner.empty()); })),
      driver_(sdbus::createProxy(session_bus, sdbus_compat::ServiceName(kDriver),
                                 sdbus::ObjectPath("/org/freedesktop/DBus"))) {
  sdbus_compat::finish_registration(*driver_);
  driver_->callMethodAsync("NameHasOwner")
      .onInterface(kDriver)
      .withArguments(std::string(kBoxes))
      .uponReplyInvoke([this](sdbus_compat::AsyncError error, bool has_owner) {
        if (!error) set(has_owner);
      });
}

Boxes::~Boxes() = default;

void Boxes::set(bool open) {
  if (std::exchange(open_, open) != open) changed_(open);
}

}  // namespace virtsession
