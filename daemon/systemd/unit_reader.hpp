// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/result.hpp"
#include "systemd/async_call.hpp"
#include "systemd/unit_status.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace virtsession {

inline constexpr const char* kSystemdName = "org.freedesktop.systemd1";
inline constexpr const char* kManagerPath = "/org/freedesktop/systemd1";
inline constexpr const char* kManagerInterface = "org.freedesktop.systemd1.Manager";
inline constexpr const char* kPropertiesInterface = "org.freedesktop.DBus.Properties";

/// Reads units' properties. Main loop's thread only; a part of UserManager.
class UnitReader {
 public:
  using Read = std::function<void(const sdbus::Error* error, const UnitStatus& status)>;
  using StopTimeout = std::function<void(const Result<std::optional<std::chrono::microseconds>>&)>;

  UnitReader(EventLoop& loop, sdbus::IConnection& bus, sdbus::IProxy& manager, AsyncCaller& caller)
      : loop_(loop), bus_(bus), manager_(manager), caller_(caller) {}

  /// LoadUnit: the object of a unit, which systemd loads for that. `reply(const sdbus::Error*, const ObjectPath&)`
  template <class Reply>
  void find(const std::string& unit, Reply reply) {
    caller_.call_for<sdbus::ObjectPath>(manager_, kManagerInterface, "LoadUnit", std::move(reply), unit);
  }
  std::unique_ptr<sdbus::IProxy> unit_at(const sdbus::ObjectPath& path) const;
  /// All interfaces' properties in one answer, so that they fit together.
  void read(sdbus::IProxy& unit, Read reply);
  /// find() and read() for once. \param done with nothing when systemd does not answer
  void read_once(const std::string& unit, std::function<void(const std::optional<UnitStatus>&)> done);
  /// TimeoutStopUSec of a service, for once. \param done with nothing for infinity, or with `operation_failed`
  void read_stop_timeout(const std::string& unit, StopTimeout done);

 private:
  void drop_later(std::uint64_t id);

  EventLoop& loop_;
  sdbus::IConnection& bus_;
  sdbus::IProxy& manager_;
  AsyncCaller& caller_;
  Lifetime lifetime_;
  std::uint64_t next_id_ = 0;
  std::map<std::uint64_t, std::unique_ptr<sdbus::IProxy>> once_;
};

}  // namespace virtsession
