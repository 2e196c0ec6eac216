// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "support/private_bus.hpp"
#include "util/event_loop.hpp"
#include "util/unique_c_ptr.hpp"

#include <doctest/doctest.h>
#include <systemd/sd-bus.h>

#include <string>
#include <utility>

namespace virtsession::test {

/// The user manager with one unit, as far as UserManager::watch_unit() asks it. With sd-bus, since
/// dbusmock does not answer for all interfaces of a unit at once, as systemd does.
class FakeSystemd {
 public:
  FakeSystemd(EventLoop& loop, const PrivateBus& bus, std::string unit) : unit_(std::move(unit)) {
    sd_bus* connection = nullptr;
    REQUIRE(sd_bus_new(&connection) >= 0);
    bus_.reset(connection);
    REQUIRE(sd_bus_set_address(connection, bus.address().c_str()) >= 0);
    REQUIRE(sd_bus_set_bus_client(connection, 1) >= 0);
    REQUIRE(sd_bus_start(connection) >= 0);
    static const sd_bus_vtable manager[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Subscribe", "", "", subscribe, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("LoadUnit", "s", "o", load_unit, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL("JobRemoved", "uoss", 0),
        SD_BUS_VTABLE_END,
    };
    static const sd_bus_vtable unit_table[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("LoadState", "s", load_state, 0, 0),
        SD_BUS_PROPERTY("ActiveState", "s", active_state, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_VTABLE_END,
    };
    REQUIRE(sd_bus_add_object_vtable(connection, nullptr, "/org/freedesktop/systemd1",
                                     "org.freedesktop.systemd1.Manager", manager, this) >= 0);
    REQUIRE(sd_bus_add_object_vtable(connection, nullptr, kUnitPath, kUnitInterface, unit_table, this) >= 0);
    REQUIRE(sd_bus_request_name(connection, "org.freedesktop.systemd1", 0) >= 0);
    REQUIRE(sd_bus_attach_event(connection, loop.get(), 0) >= 0);
  }
  FakeSystemd(const FakeSystemd&) = delete;
  FakeSystemd& operator=(const FakeSystemd&) = delete;

  void set_active_state(const std::string& state) {
    active_state_ = state;
    REQUIRE(sd_bus_emit_properties_changed(bus_.get(), kUnitPath, kUnitInterface, "ActiveState", nullptr) >= 0);
  }

 private:
  static constexpr const char* kUnitPath = "/org/freedesktop/systemd1/unit/x";
  static constexpr const char* kUnitInterface = "org.freedesktop.systemd1.Unit";

  static int subscribe(sd_bus_message* message, void*, sd_bus_error*) {
    return sd_bus_reply_method_return(message, "");
  }
  static int load_unit(sd_bus_message* message, void* self, sd_bus_error* error) {
    const char* name = nullptr;
    if (const int result = sd_bus_message_read(message, "s", &name); result < 0) return result;
    if (static_cast<FakeSystemd*>(self)->unit_ != name)
      return sd_bus_error_set(error, "org.freedesktop.DBus.Error.InvalidArgs", "No such unit here");
    return sd_bus_reply_method_return(message, "o", kUnitPath);
  }
  static int load_state(sd_bus*, const char*, const char*, const char*, sd_bus_message* reply, void*, sd_bus_error*) {
    return sd_bus_message_append(reply, "s", "loaded");
  }
  static int active_state(sd_bus*, const char*, const char*, const char*, sd_bus_message* reply, void* self,
                          sd_bus_error*) {
    return sd_bus_message_append(reply, "s", static_cast<FakeSystemd*>(self)->active_state_.c_str());
  }

  const std::string unit_;
  std::string active_state_ = "inactive";
  UniqueCPtr<sd_bus, sd_bus_flush_close_unref> bus_;
};

}  // namespace virtsession::test
