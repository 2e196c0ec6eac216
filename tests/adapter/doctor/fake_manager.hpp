// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "support/private_bus.hpp"
#include "util/unique_c_ptr.hpp"

#include <doctest/doctest.h>
#include <systemd/sd-bus.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

namespace virtsession::test {

/// A systemd manager on a private bus, as far as the doctor asks it, on a thread of its own since the doctor's calls
/// wait. Its units are set before start().
class FakeManager {
 public:
  struct Unit {
    std::string name;
    std::string load_state;
    std::string active_state;
    std::string file_state;  ///< empty: there is no file
    std::string result = "success";
  };

  explicit FakeManager(const PrivateBus& bus, std::vector<Unit> units) : units_(std::move(units)) {
    sd_bus* connection = nullptr;
    REQUIRE(sd_bus_new(&connection) >= 0);
    bus_.reset(connection);
    REQUIRE(sd_bus_set_address(connection, bus.address().c_str()) >= 0);
    REQUIRE(sd_bus_set_bus_client(connection, 1) >= 0);
    REQUIRE(sd_bus_start(connection) >= 0);
    static const sd_bus_vtable manager[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("ListUnitsByNames", "as", "a(ssssssouso)", list, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("GetUnitFileState", "s", "s", file_state, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("GetUnit", "s", "o", get_unit, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
    };
    static const sd_bus_vtable service[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Result", "s", result, 0, 0),
        SD_BUS_PROPERTY("TimeoutStopUSec", "t", timeout, 0, 0),
        SD_BUS_VTABLE_END,
    };
    REQUIRE(sd_bus_add_object_vtable(connection, nullptr, "/org/freedesktop/systemd1",
                                     "org.freedesktop.systemd1.Manager", manager, this) >= 0);
    REQUIRE(sd_bus_add_fallback_vtable(connection, nullptr, kUnits, "org.freedesktop.systemd1.Service", service,
                                       find_any, this) >= 0);
    REQUIRE(sd_bus_request_name(connection, "org.freedesktop.systemd1", 0) >= 0);
    thread_ = std::thread([this] {
      while (!stopping_) {
        if (sd_bus_process(bus_.get(), nullptr) == 0) sd_bus_wait(bus_.get(), 20000);
      }
    });
  }
  ~FakeManager() {
    stopping_ = true;
    thread_.join();
  }
  FakeManager(const FakeManager&) = delete;
  FakeManager& operator=(const FakeManager&) = delete;

 private:
  static constexpr const char* kUnits = "/org/freedesktop/systemd1/unit";
  static constexpr std::uint64_t kTimeout = 90000000;

  std::string path_of(std::size_t i) const { return std::string(kUnits) + "/u" + std::to_string(i); }

  /// As systemd: a unit that is not there has a row all the same.
  static int list(sd_bus_message* message, void* self, sd_bus_error*) {
    auto& manager = *static_cast<FakeManager*>(self);
    sd_bus_message* made = nullptr;
    sd_bus_message_new_method_return(message, &made);
    const UniqueCPtr<sd_bus_message, sd_bus_message_unref> reply(made);
    sd_bus_message_open_container(made, 'a', "(ssssssouso)");
    sd_bus_message_enter_container(message, 'a', "s");
    const char* name = nullptr;
    while (sd_bus_message_read(message, "s", &name) > 0) {
      Unit unit{name, "not-found", "inactive", ""};
      std::size_t at = manager.units_.size();
      for (std::size_t i = 0; i < manager.units_.size(); ++i)
        if (manager.units_[i].name == name) unit = manager.units_[at = i];
      sd_bus_message_append(made, "(ssssssouso)", name, "", unit.load_state.c_str(), unit.active_state.c_str(), "", "",
                            manager.path_of(at).c_str(), 0, "", "/");
    }
    sd_bus_message_close_container(made);
    return sd_bus_send(nullptr, made, nullptr);
  }
  static int file_state(sd_bus_message* message, void* self, sd_bus_error* error) {
    const char* name = nullptr;
    sd_bus_message_read(message, "s", &name);
    for (const auto& unit : static_cast<FakeManager*>(self)->units_)
      if (unit.name == name && !unit.file_state.empty())
        return sd_bus_reply_method_return(message, "s", unit.file_state.c_str());
    return sd_bus_error_set(error, "org.freedesktop.DBus.Error.FileNotFound", "No such file or directory");
  }
  static int get_unit(sd_bus_message* message, void* self, sd_bus_error* error) {
    auto& manager = *static_cast<FakeManager*>(self);
    const char* name = nullptr;
    sd_bus_message_read(message, "s", &name);
    for (std::size_t i = 0; i < manager.units_.size(); ++i)
      if (manager.units_[i].name == name) return sd_bus_reply_method_return(message, "o", manager.path_of(i).c_str());
    return sd_bus_error_set(error, "org.freedesktop.systemd1.NoSuchUnit", "Unit is not loaded");
  }
  static int find_any(sd_bus*, const char*, const char*, void* self, void** found, sd_bus_error*) {
    *found = self;
    return 1;
  }
  static int result(sd_bus*, const char* path, const char*, const char*, sd_bus_message* reply, void* self,
                    sd_bus_error*) {
    auto& manager = *static_cast<FakeManager*>(self);
    for (std::size_t i = 0; i < manager.units_.size(); ++i)
      if (manager.path_of(i) == path) return sd_bus_message_append(reply, "s", manager.units_[i].result.c_str());
    return sd_bus_message_append(reply, "s", "success");
  }
  static int timeout(sd_bus*, const char*, const char*, const char*, sd_bus_message* reply, void*, sd_bus_error*) {
    return sd_bus_message_append(reply, "t", kTimeout);
  }

  const std::vector<Unit> units_;
  UniqueCPtr<sd_bus, sd_bus_flush_close_unref> bus_;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace virtsession::test
