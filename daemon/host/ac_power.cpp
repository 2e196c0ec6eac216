// SPDX-License-Identifier: LGPL-2.1-or-later
#include "host/ac_power.hpp"

#include "host/kernel_facts.hpp"
#include "util/bus_source.hpp"
#include "util/sdbus_compat.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <map>
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
constexpr auto kOwnerRule =
    "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',interface='org.freedesktop.DBus',"
    "member='NameOwnerChanged',arg0='org.freedesktop.UPower'";

constexpr auto kAnswerTimeout = 5s;
constexpr auto kFirstReconnect = 250ms;
// A host without a system bus stays so: seldom enough to cost nothing.
constexpr auto kLastReconnect = 60s;

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
  std::unique_ptr<sdbus::IConnection> connection;
  std::unique_ptr<BusSource> source;
  sdbus::Slot owner_match;
  std::unique_ptr<sdbus::IProxy> upower;
};

AcPower::AcPower(EventLoop& loop, HostSources sources, std::function<void()> changed)
    : loop_(loop),
      sources_(std::move(sources)),
      changed_(std::move(changed)),
      reconnect_(loop, [this] { connect(); }),
      backoff_(static_cast<std::uint32_t>(getpid())) {
  connect();
  constructed_ = true;
}

AcPower::~AcPower() = default;

void AcPower::connect() {
  try {
    auto bus = std::make_unique<Bus>();
    bus->connection = sdbus::createSystemBusConnection();
    bus->source = std::make_unique<BusSource>(loop_, *bus->connection, [this](const std::string& text) { lost(text); });
    bus->owner_match = sdbus_compat::add_match(*bus->connection, kOwnerRule, [this](sdbus::Message& message) {
      std::string name;
      std::string old_owner;
      std::string new_owner;
      message >> name >> old_owner >> new_owner;
      owner_changed(new_owner);
    });
    bus->upower = sdbus::createProxy(*bus->connection, sdbus_compat::ServiceName(kName), sdbus::ObjectPath(kPath));
    bus->upower->uponSignal("PropertiesChanged")
        .onInterface(kProperties)
        .call([this](const std::string& interface, const std::map<std::string, sdbus::Variant>& changed,
                     const std::vector<std::string>& invalidated) {
          if (interface != kInterface) return;
          const auto value = changed.find(kOnBattery);
          const auto on_battery = value == changed.end() ? std::nullopt : as_bool(value->second);
          if (on_battery)
            use_upower(*on_battery);
          else if (std::ranges::find(invalidated, kOnBattery) != invalidated.end())
            ask();
        });
    sdbus_compat::finish_registration(*bus->upower);
    bus_ = std::move(bus);
    ask();
  } catch (const sdbus::Error& error) {
    lost("Failed to connect to the system bus: " + error.getMessage());
  }
}

void AcPower::lost(const std::string& text) {
  bus_.reset();
  const auto now = EventLoop::Clock::now();
  problem_.write(log::Level::warning, {}, text + "; whether the host is on mains is taken from the kernel", now);
  reconnect_.set(now + backoff_.wait(attempt_++, kFirstReconnect, kLastReconnect), 100ms);
  use_kernel();
}

void AcPower::ask() {
  bus_->upower->callMethodAsync("Get")
      .onInterface(kProperties)
      .withTimeout(kAnswerTimeout)
      .withArguments(std::string(kInterface), std::string(kOnBattery))
      .uponReplyInvoke([this](sdbus_compat::AsyncError error, const sdbus::Variant& value) {
        // A bus that answers is up, even when UPower is not.
        attempt_ = 0;
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
