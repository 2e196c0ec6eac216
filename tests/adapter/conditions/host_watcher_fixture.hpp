// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "conditions/host_watcher.hpp"
#include "fakes/dbusmock.hpp"
#include "fakes/fake_systemd.hpp"
#include "support/hung_mount.hpp"
#include "support/mount_namespace.hpp"
#include "support/temporary_folder.hpp"
#include "systemd/user_manager.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <optional>
#include <vector>

namespace virtsession::host_watcher {

using namespace std::chrono_literals;
using test::Client;
using test::DbusMock;
using test::HungMount;
using test::in_mount_namespace;
using test::loop_until;
using test::loop_until_idle;
using test::mount_tmpfs;
using test::PrivateBus;
using test::RunningSystemd;
using test::TemporaryFolder;
using test::unmount;

inline constexpr auto kUPower = "org.freedesktop.UPower";
inline constexpr auto kLoopback = "/sys/class/net/lo/uevent";

inline void write(const std::filesystem::path& file, const std::string& text) { std::ofstream(file) << text << '\n'; }

/// A laptop's power supplies in a folder, whose changes are announced as those of the loopback device.
struct Laptop {
  explicit Laptop(bool on_mains) {
    for (const auto* name : {"AC", "BAT0"}) std::filesystem::create_directories(folder / "supplies" / name);
    write(folder / "supplies/AC/type", "Mains");
    write(folder / "supplies/BAT0/type", "Battery");
    plug(on_mains);
    memory(4096);
  }
  void plug(bool on_mains) {
    write(folder / "supplies/AC/online", on_mains ? "1" : "0");
    write(folder / "supplies/BAT0/status", on_mains ? "Charging" : "Discharging");
  }
  void memory(int mib) {
    // Replaced, not rewritten: the reader must not meet half a file.
    write(folder / "new", "MemTotal: 1 kB\nMemAvailable: " + std::to_string(mib * 1024) + " kB");
    std::filesystem::rename(folder / "new", folder / "meminfo");
  }
  HostSources sources() const {
    HostSources sources{folder / "supplies", "net", folder / "meminfo", 20ms};
    sources.mount_points = {folder / "fstab", {folder / "units"}, {folder / "user-units"}};
    sources.usb_devices = folder / "usb";
    sources.usb_subsystem = "net";
    sources.usb_settles = 1ms;
    return sources;
  }

  TemporaryFolder folder;
};

/// A watcher on a host whose buses are private ones.
struct Host {
  explicit Host(bool on_mains = false) : laptop(on_mains) { use_system_bus(bus.address()); }
  ~Host() { use_system_bus("unix:path=/nonexistent"); }

  static void use_system_bus(const std::string& address) { setenv("DBUS_SYSTEM_BUS_ADDRESS", address.c_str(), 1); }

  void want(const WantedFacts& wanted) {
    inside_want = true;
    watcher->want(wanted);
    inside_want = false;
  }
  void want_ac_power() { want({.ac_power = true, .graphical_session = false, .memory = false, .paths = {}}); }
  void want_charge() { want({.ac_power = true, .battery_charge = true}); }
  void wait_for_charge(BatteryCharge charge) {
    loop_until(loop, "the battery's charge", [&] { return facts.battery_charge == charge; });
  }
  void wait_for_ac_power(bool on) {
    loop_until(loop, on ? "mains power" : "battery power", [&] { return facts.on_ac_power == on; });
  }
  std::size_t clients_of_bus() {
    std::optional<std::size_t> number;
    const auto driver = sdbus::createProxy(*client.connection, sdbus_compat::ServiceName("org.freedesktop.DBus"),
                                           sdbus::ObjectPath("/org/freedesktop/DBus"));
    driver->callMethodAsync("ListNames")
        .onInterface("org.freedesktop.DBus")
        .uponReplyInvoke([&](sdbus_compat::AsyncError, const std::vector<std::string>& names) {
          number = static_cast<std::size_t>(
              std::ranges::count_if(names, [](const std::string& name) { return name.starts_with(':'); }));
        });
    loop_until(loop, "the list of clients", [&] { return number.has_value(); });
    return *number;
  }

  EventLoop loop;
  PrivateBus bus;
  Client client{loop, bus};
  Laptop laptop;
  UserManager manager{loop, *client.connection};
  PathWatcher paths{loop, 200ms};
  HostFacts facts;
  int changes = 0;
  bool inside_want = false;
  std::optional<HostWatcher> watcher{std::in_place,
                                     loop,
                                     manager,
                                     paths,
                                     [this](const HostFacts& known) {
                                       CHECK_FALSE(inside_want);
                                       facts = known;
                                       ++changes;
                                     },
                                     laptop.sources()};
};

struct UPower : DbusMock {
  UPower(Host& host, PrivateBus& bus, Client& client, bool on_battery)
      : DbusMock(host.loop, bus, client, "upower", kUPower, "/org/freedesktop/UPower",
                 std::string(R"({"OnBattery": )") + (on_battery ? "true}" : "false}")) {}
  UPower(Host& host, bool on_battery) : UPower(host, host.bus, host.client, on_battery) {}

  void set_on_battery(bool on_battery) {
    control("UpdateProperties", std::string(kUPower),
            std::map<std::string, sdbus::Variant>{{"OnBattery", sdbus::Variant(on_battery)}});
  }
  /// Of all batteries taken together: UP_DEVICE_LEVEL_NONE is 1, LOW 3, CRITICAL 4, ACTION 5.
  void set_warning_level(std::uint32_t level) {
    control("SetDeviceProperties", sdbus::ObjectPath("/org/freedesktop/UPower/devices/DisplayDevice"),
            std::map<std::string, sdbus::Variant>{{"WarningLevel", sdbus::Variant(level)}});
  }
};

}  // namespace virtsession::host_watcher
