// SPDX-License-Identifier: LGPL-2.1-or-later
#include "systemd/unit_reader.hpp"

#include <utility>

namespace virtsession {

std::unique_ptr<sdbus::IProxy> UnitReader::unit_at(const sdbus::ObjectPath& path) const {
  return sdbus::createProxy(bus_, sdbus_compat::ServiceName(kSystemdName), path);
}

void UnitReader::read(sdbus::IProxy& unit, Read reply) {
  using Properties = std::map<std::string, sdbus::Variant>;
  caller_.call_for<Properties>(
      unit, kPropertiesInterface, "GetAll",
      [reply = std::move(reply)](const sdbus::Error* error, const Properties& properties) {
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
      done(read_error == nullptr ? std::optional(status) : std::nullopt);
      // Not here: the proxy is the caller.
      loop_.post(alive_, [this, id] { once_.erase(id); });
    });
  });
}

}  // namespace virtsession
