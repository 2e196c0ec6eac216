// SPDX-License-Identifier: LGPL-2.1-or-later
#include "conditions/ac_power.hpp"

#include "conditions/kernel_facts.hpp"
#include "util/bus_name.hpp"
#include "util/sdbus_compat.hpp"
#include "util/variant_map.hpp"

#include <algorithm>
#include <chrono>
#include <system_error>
#include <utility>
#include <vector>

namespace virtsession {

namespace {

using namespace std::chrono_literals;

constexpr auto kName = "org.freedesktop.UPower";
constexpr auto kPath = "/org/freedesktop/UPower";
constexpr auto kInterface = "org.freedesktop.UPower";
constexpr auto kProperties = "org.freedesktop.DBus.Properties";
constexpr auto kOnBattery = "OnBattery";

constexpr auto kAnswerTimeout = 5s;

std::optional<bool> as_bool(const sdbus::Variant& value) {
  try {
    return value.get<bool>();
  } catch (const sdbus::Error&) {
    return std::nullopt;
  }
}

}  // namespace

/// In the order in which they need each other; what is pending goes with the proxy.
struct AcPower::Bus {
  sdbus::Slot owner_match;
  std::unique_ptr<sdbus::IProxy> upower;
};

AcPower::AcPower(EventLoop& loop, HostSources sources, std::function<void()> changed)
    : loop_(loop),
      sources_(std::move(sources)),
      changed_(std::move(changed)),
      system_bus_(
          loop, [this](sdbus::IConnection& connection) { opened(connection); },
          [this](const std::string& reason) { lost(reason); }) {
  system_bus_.open();
  constructed_ = true;
}

AcPower::~AcPower() = default;

void AcPower::opened(sdbus::IConnection& connection) {
  bus_ = std::make_unique<Bus>();
  bus_->owner_match = watch_bus_name(
      connection, kName, [this](const std::string&, const std::string& new_owner) { owner_changed(new_owner); });
  bus_->upower = sdbus::createProxy(connection, sdbus_compat::ServiceName(kName), sdbus::ObjectPath(kPath));
  bus_->upower->uponSignal("PropertiesChanged")
      .onInterface(kProperties)
      .call(
          [this](const std::string& interface, const VariantMap& changed, const std::vector<std::string>& invalidated) {
            if (interface != kInterface) return;
            const auto value = changed.find(kOnBattery);
            const auto on_battery = value == changed.end() ? std::nullopt : as_bool(value->second);
            if (on_battery)
              use_upower(*on_battery);
            else if (std::ranges::find(invalidated, kOnBattery) != invalidated.end())
              ask();
          });
  sdbus_compat::finish_registration(*bus_->upower);
  ask();
}

void AcPower::lost(const std::string& reason) {
  bus_.reset();
  problem_.write(log::Level::warning, {}, reason + "; whether the host is on mains is taken from the kernel",
                 EventLoop::Clock::now());
  use_kernel();
}

void AcPower::ask() {
  bus_->upower->callMethodAsync("Get")
      .onInterface(kProperties)
      .withTimeout(kAnswerTimeout)
      .withArguments(std::string(kInterface), std::string(kOnBattery))
      .uponReplyInvoke([this](sdbus_compat::AsyncError error, const sdbus::Variant& value) {
        // A bus that answers is up, even when UPower is not.
        system_bus_.answered();
        problem_.reset();
        if (const auto on_battery = error ? std::nullopt : as_bool(value)) return use_upower(*on_battery);
        log::debug("UPower does not tell whether the host is on mains, so the kernel does{}",
                   error ? ": " + error->getMessage() : "");
        use_kernel();
      });
}

void AcPower::owner_changed(const std::string& new_owner) {
  if (!new_owner.empty()) return ask();
  log::debug("UPower is gone; whether the host is on mains is taken from the kernel");
  use_kernel();
}

void AcPower::use_upower(bool on_battery) {
  uevents_.reset();
  set(!on_battery);
}

void AcPower::use_kernel() {
  if (!uevents_) {
    try {
      uevents_ = std::make_unique<UeventMonitor>(loop_, sources_.power_subsystem, [this] { read_kernel(); });
    } catch (const std::system_error& error) {
      log::warn("{}: a change from battery to mains will not be seen", error.what());
    }
  }
  read_kernel();
}

void AcPower::read_kernel() { set(virtsession::on_ac_power(sources_.power_supplies)); }

void AcPower::set(bool on_ac_power) {
  if (on_ac_power_ == on_ac_power) return;
  on_ac_power_ = on_ac_power;
  if (constructed_) changed_();
}

}  // namespace virtsession
