// SPDX-License-Identifier: LGPL-2.1-or-later
#include "host_watcher_fixture.hpp"

namespace virtsession::host_watcher {

TEST_CASE("AC power is what UPower says, and follows it") {
  Host host(true);
  UPower upower(host, true);
  host.want_ac_power();
  host.wait_for_ac_power(false);
  upower.set_on_battery(false);
  host.wait_for_ac_power(true);
  upower.set_on_battery(true);
  host.wait_for_ac_power(false);
  CHECK(host.changes == 3);
}

TEST_CASE("UPower may come and go: the kernel speaks for it meanwhile") {
  Host host(false);
  host.want_ac_power();
  host.wait_for_ac_power(false);
  UPower upower(host, false);
  host.wait_for_ac_power(true);
  upower.stop();
  host.wait_for_ac_power(false);
  UPower second(host, false);
  host.wait_for_ac_power(true);
}

TEST_CASE("UPower that hangs is not waited for for long, and by nobody else") {
  Host host(false);
  UPower upower(host, false);
  upower.pause();
  host.want({.ac_power = true, .graphical_session = false, .memory = true, .paths = {}});
  loop_until(host.loop, "the memory", [&] { return host.facts.available_memory_mib == 4096; });
  CHECK_FALSE(host.facts.on_ac_power);
  host.wait_for_ac_power(false);
  upower.go_on();
  upower.set_on_battery(true);
  upower.set_on_battery(false);
  host.wait_for_ac_power(true);
}

TEST_CASE("Without a system bus AC power is what the kernel says") {
  Host host(false);
  Host::use_system_bus("unix:path=/nonexistent");
  host.want_ac_power();
  host.wait_for_ac_power(false);
}

TEST_CASE("Without UPower AC power is what the kernel says, and follows its announcements") {
  Host host(false);
  host.want_ac_power();
  host.wait_for_ac_power(false);
  host.laptop.plug(true);
  std::ofstream announce(kLoopback);
  announce << "change" << std::flush;
  if (!announce.good()) {
    MESSAGE("Not run to its end: only root may let the kernel announce a device");
    return;
  }
  host.wait_for_ac_power(true);
}

TEST_CASE("A system bus that is lost is used again when it is back") {
  Host host(false);
  PrivateBus system;
  Client client(host.loop, system);
  Host::use_system_bus(system.address());
  UPower upower(host, system, client, false);
  host.want_ac_power();
  host.wait_for_ac_power(true);
  system.stop();
  host.wait_for_ac_power(false);  // of the kernel
  PrivateBus next;
  Client next_client(host.loop, next);
  Host::use_system_bus(next.address());
  UPower next_upower(host, next, next_client, false);
  host.wait_for_ac_power(true);
}

TEST_CASE("A battery is low when UPower warns of it, and that is followed while it is wanted") {
  Host host(false);
  UPower upower(host, true);
  host.want_charge();
  host.wait_for_charge(BatteryCharge::fine);
  host.wait_for_ac_power(false);
  for (const std::uint32_t level : {3U, 4U, 5U}) {
    CAPTURE(level);
    upower.set_warning_level(level);
    host.wait_for_charge(BatteryCharge::low);
    upower.set_warning_level(level == 4 ? 2 : 1);  // 2: a UPS discharges
    host.wait_for_charge(BatteryCharge::fine);
  }
  host.want_ac_power();
  loop_until(host.loop, "that nobody asks any more", [&] { return !host.facts.battery_charge; });
  CHECK(host.facts.on_ac_power == false);
  const auto changes = host.changes;
  upower.set_warning_level(3);
  upower.set_on_battery(false);
  host.wait_for_ac_power(true);
  CHECK(host.changes == changes + 1);
  host.want_charge();
  host.wait_for_charge(BatteryCharge::low);
}

TEST_CASE("Without UPower nobody tells that a battery is low, and where there is none it is not") {
  Host host(true);
  SUBCASE("none") {
    std::filesystem::remove_all(host.laptop.folder / "supplies/BAT0");
    host.want_charge();
    host.wait_for_charge(BatteryCharge::fine);
  }
  SUBCASE("no system bus") {
    Host::use_system_bus("unix:path=/nonexistent");
    host.want_charge();
    host.wait_for_charge(BatteryCharge::not_told);
  }
  SUBCASE("UPower comes and goes") {
    host.want_charge();
    host.wait_for_charge(BatteryCharge::not_told);
    UPower upower(host, false);
    host.wait_for_charge(BatteryCharge::fine);
    upower.stop();
    host.wait_for_charge(BatteryCharge::not_told);
  }
}

}  // namespace virtsession::host_watcher
