// SPDX-License-Identifier: LGPL-2.1-or-later
#include "conditions/upower_property.hpp"

#include "util/log.hpp"
#include "util/sdbus_compat.hpp"
#include "util/variant_map.hpp"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

namespace virtsession {
namespace {

constexpr auto kUPowerProperties = "org.freedesktop.DBus.Properties";
constexpr auto kUPowerAnswers = std::chrono::seconds(5);

}  // namespace

UPowerProperty::UPowerProperty(sdbus::IConnection& connection, const std::string& path, std::string interface,
                               std::string name, Told told)
    : interface_(std::move(interface)),
      name_(std::move(name)),
      told_(std::move(told)),
      proxy_(sdbus::createProxy(connection, sdbus_compat::ServiceName(kUPowerName), sdbus::ObjectPath(path))) {
  proxy_->uponSignal("PropertiesChanged")
      .onInterface(kUPowerProperties)
      .call([this](const std::string& of, const VariantMap& changed, const std::vector<std::string>& invalidated) {
        if (of != interface_) return;
        if (const auto value = changed.find(name_); value != changed.end())
          told_(&value->second);
        else if (std::ranges::find(invalidated, name_) != invalidated.end())
          ask();
      });
  sdbus_compat::finish_registration(*proxy_);
}

UPowerProperty::~UPowerProperty() = default;

void UPowerProperty::ask() {
  proxy_->callMethodAsync("Get")
      .onInterface(kUPowerProperties)
      .withTimeout(kUPowerAnswers)
      .withArguments(interface_, name_)
      .uponReplyInvoke([this](sdbus_compat::AsyncError error, const sdbus::Variant& value) {
        if (error) log::debug("UPower does not tell {}: {}", name_, error->getMessage());
        told_(error ? nullptr : &value);
      });
}

}  // namespace virtsession
