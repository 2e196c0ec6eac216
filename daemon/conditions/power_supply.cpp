// SPDX-License-Identifier: LGPL-2.1-or-later
#include "conditions/power_supply.hpp"

#include "conditions/kernel_facts.hpp"
#include "conditions/upower_property.hpp"
#include "util/bus_name.hpp"
#include "util/sdbus_compat.hpp"

#include <cstdint>
#include <system_error>
#include <utility>

namespace virtsession {

namespace {

constexpr auto kUPowerPath = "/org/freedesktop/UPower";
constexpr auto kDisplayDevice = "/org/freedesktop/UPower/devices/DisplayDevice";  ///< all batteries taken together
constexpr std::uint32_t kWarningLow = 3;  ///< UP_DEVICE_LEVEL_LOW; 4 is critical, 5: UPower is about to act

template <class T>
std::optional<T> value_as(const sdbus::Variant* value) {
  if (value == nullptr || !value->containsValueOfType<T>()) return std::nullopt;
  return value->get<T>();
}

}  // namespace

/// In the order in which they need each other.
struct PowerSupply::Bus {
  sdbus::IConnection& connection;
  sdbus::Slot owner_match;
  std::unique_ptr<UPowerProperty> on_battery;
  std::unique_ptr<UPowerProperty> warning_level;  // while the charge is followed
};

PowerSupply::PowerSupply(EventLoop& loop, HostSources sources, std::function<void()> changed)
    : loop_(loop),
      sources_(std::move(sources)),
      changed_(std::move(changed)),
      system_bus_(
          loop, [this](sdbus::IConnection& connection) { opened(connection); },
          [this](const std::string& reason) { lost(reason); }) {
  system_bus_.open();
  constructed_ = true;
}

PowerSupply::~PowerSupply() = default;

void PowerSupply::opened(sdbus::IConnection& connection) {
  bus_ = std::make_unique<Bus>(Bus{connection, {}, {}, {}});
  bus_->owner_match = watch_bus_name(
      connection, kUPowerName, [this](const std::string&, const std::string& new_owner) { owner_changed(new_owner); });
  bus_->on_battery = std::make_unique<UPowerProperty>(connection, kUPowerPath, kUPowerName, "OnBattery",
                                                      [this](const sdbus::Variant* value) {
                                                        // A bus that answers is up, even when UPower is not.
                                                        system_bus_.answered();
                                                        problem_.reset();
                                                        if (const auto on_battery = value_as<bool>(value))
                                                          return use_upower(*on_battery);
                                                        use_kernel();
                                                      });
  bus_->on_battery->ask();
  if (follows_charge_) ask_charge();
}

void PowerSupply::lost(const std::string& reason) {
  bus_.reset();
  problem_.write(log::Level::warning, {}, reason + "; whether the host is on mains is taken from the kernel",
                 EventLoop::Clock::now());
  use_kernel();
  if (follows_charge_) set_charge(untold_charge());
}

void PowerSupply::owner_changed(const std::string& new_owner) {
  if (!new_owner.empty()) {
    bus_->on_battery->ask();
    if (bus_->warning_level) bus_->warning_level->ask();
    return;
  }
  log::debug("UPower is gone; whether the host is on mains is taken from the kernel");
  use_kernel();
  if (follows_charge_) set_charge(untold_charge());
}

void PowerSupply::follow_charge(bool wanted) {
  if (std::exchange(follows_charge_, wanted) == wanted) return;
  if (!wanted) {
    if (bus_) bus_->warning_level.reset();
    charge_.reset();
  } else if (bus_) {
    ask_charge();
  } else {
    charge_ = untold_charge();
  }
}

void PowerSupply::ask_charge() {
  bus_->warning_level =
      std::make_unique<UPowerProperty>(bus_->connection, kDisplayDevice, "org.freedesktop.UPower.Device",
                                       "WarningLevel", [this](const sdbus::Variant* value) {
                                         const auto level = value_as<std::uint32_t>(value);
                                         if (!level) return set_charge(untold_charge());
                                         set_charge(*level >= kWarningLow ? BatteryCharge::low : BatteryCharge::fine);
                                       });
  bus_->warning_level->ask();
}

/// Where there is no battery, nothing has to tell that it is low.
BatteryCharge PowerSupply::untold_charge() const {
  return has_battery(sources_.power_supplies) ? BatteryCharge::not_told : BatteryCharge::fine;
}

void PowerSupply::use_upower(bool on_battery) {
  uevents_.reset();
  set(!on_battery);
}

void PowerSupply::use_kernel() {
  if (!uevents_) {
    try {
      uevents_ = std::make_unique<UeventMonitor>(loop_, sources_.power_subsystem, [this] { read_kernel(); });
    } catch (const std::system_error& error) {
      log::warn("{}: a change from battery to mains will not be seen", error.what());
    }
  }
  read_kernel();
}

void PowerSupply::read_kernel() { set(virtsession::on_ac_power(sources_.power_supplies)); }

void PowerSupply::set(bool on_ac_power) {
  if (on_ac_power_ == on_ac_power) return;
  on_ac_power_ = on_ac_power;
  if (constructed_) changed_();
}

void PowerSupply::set_charge(std::optional<BatteryCharge> charge) {
  if (std::exchange(charge_, charge) == charge) return;
  if (constructed_) changed_();
}

}  // namespace virtsession
