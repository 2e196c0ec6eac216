// SPDX-License-Identifier: LGPL-2.1-or-later
#include "systemd/unit_reader.hpp"

#include <limits>
#include <utility>

namespace virtsession {

namespace {

constexpr auto kInfinity = std::numeric_limits<std::uint64_t>::max();

}  // namespace

std::unique_ptr<sdbus::IProxy> UnitReader::unit_at(const sdbus::ObjectPath& path) const {
  return sdbus::createProxy(bus_, sdbus_compat::ServiceName(kSystemdName), path);
}

void UnitReader::read(sdbus::IProxy& unit, Read reply) {
  caller_.call_for<VariantMap>(
      unit, kPropertiesInterface, "GetAll",
      [reply = std::move(reply)](const sdbus::Error* error, const VariantMap& properties) {
        UnitStatus status;
        if (error == nullptr) apply_properties(status, properties);
        reply(error, status);
      },
      std::string());  // no interface means all of them
}

void UnitReader::read_once(const std::string& unit, std::function<void(const std::optional<UnitStatus>&)> done) {
  find(unit, [this, done = std::move(done)](const sdbus::Error* error, const sdbus::ObjectPath& path) {
    if (error != nullptr) return done(std::nullopt);
    const auto id = next_id_++;
    auto& proxy = once_[id] = unit_at(path);
    read(*proxy, [this, id, done](const sdbus::Error* read_error, const UnitStatus& status) {
      drop_later(id);
      done(read_error == nullptr ? std::optional(status) : std::nullopt);
    });
  });
}

void UnitReader::read_stop_timeout(const std::string& unit, StopTimeout done) {
  const auto fail = [unit, done](const std::string& reason) {
    done(Error{ErrorCode::operation_failed, "Failed to read the stop timeout of " + unit + ": " + reason});
  };
  find(unit, [this, done = std::move(done), fail](const sdbus::Error* error, const sdbus::ObjectPath& path) {
    if (error != nullptr) return fail(error->getMessage());
    const auto id = next_id_++;
    auto& proxy = once_[id] = unit_at(path);
    caller_.call_for<sdbus::Variant>(
        *proxy, kPropertiesInterface, "Get",
        [this, id, done, fail](const sdbus::Error* get_error, const sdbus::Variant& value) {
          drop_later(id);
          if (get_error != nullptr) return fail(get_error->getMessage());
          if (!value.containsValueOfType<std::uint64_t>()) return fail("not a time");
          const auto usec = value.get<std::uint64_t>();
          done(usec == kInfinity ? std::nullopt : std::optional(std::chrono::microseconds(usec)));
        },
        std::string("org.freedesktop.systemd1.Service"), std::string("TimeoutStopUSec"));
  });
}

/// Not at once: the proxy is the caller.
void UnitReader::drop_later(std::uint64_t id) {
  loop_.post(lifetime_.weak(), [this, id] { once_.erase(id); });
}

}  // namespace virtsession
