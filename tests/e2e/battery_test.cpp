// SPDX-License-Identifier: LGPL-2.1-or-later
#include "e2e/desktop.hpp"
#include "e2e/mocked_upower.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace virtsession;
using namespace virtsession::test;

namespace {

constexpr const char* kBoth = R"({"on_battery": "pause", "on_low_battery": "save"})";

/// virtsessiond follows UPower, which it was told of before.
void wait_until_followed(Desktop& desktop) {
  const auto dump = [&] {
    return desktop.host().must_exec({"busctl", "call", "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                     "org.freedesktop.DBus.Debug.Stats", "GetAllMatchRules"});
  };
  wait_until([&] { return dump().find("devices/DisplayDevice") != std::string::npos; }, kSoon, "UPower is followed");
}

}  // namespace

TEST_CASE("the plug is pulled: a guest stands still, is saved when the battery is low, and goes on on mains") {
  Desktop desktop;
  const MockedUPower upower(desktop.host(), false);
  desktop.login();
  const auto guest = desktop.define({.name = "a", .policy = kBoth, .kernel_arguments = "guest.tick"});
  const auto other = desktop.define({.name = "b", .system = System::none, .policy = kBoth});
  for (const auto* vm : {&guest, &other}) vm->start();
  guest.wait_ready();
  for (const auto* name : {"a", "b"}) desktop.wait_for(name, "Phase", "running");
  wait_until_followed(desktop);

  upower.plug(false);
  for (const auto* name : {"a", "b"}) desktop.wait_for(name, "PhaseReason", "paused on battery power", kLong);
  for (const auto* vm : {&guest, &other}) CHECK(vm->state_with_reason() == "paused (user)");
  CHECK(desktop.run({"virtsessionctl", "list"}).find("paused on battery power") != std::string::npos);
  // A person needs this one.
  CHECK(desktop.call("b", "Resume").error_name == "");
  desktop.wait_for("b", "Phase", "running");
  desktop.systemctl({"kill", "--signal=KILL", "virtsessiond.service"});
  desktop.wait_ready();
  desktop.wait_for("a", "PhaseReason", "paused on battery power");
  wait_until_followed(desktop);
  CHECK(other.state() == "running");
  const auto uptime = guest.last_uptime();

  upower.set_low(true);
  for (const auto* vm : {&guest, &other}) vm->wait_for_state("shut off", kLong);
  for (const auto* name : {"a", "b"}) desktop.wait_for(name, "PhaseReason", "saved on low battery");
  CHECK(desktop.text("a", "Intent") == "up");

  upower.set_low(false);
  upower.plug(true);
  for (const auto* name : {"a", "b"}) desktop.wait_for(name, "Phase", "running", kLong);
  wait_until([&] { return guest.last_uptime() > uptime; }, kLong, "the guest goes on");
  CHECK(guest.count_on_console("guest ready") == 1);
  const auto log = desktop.run({"journalctl", "--user", "--output=cat", "_COMM=virtsessiond"});
  for (const auto* text : {"VM \"a\": paused (paused on battery power)", "VM \"a\": inactive (saved on low battery)",
                           "VM \"a\": started (mains power)"}) {
    INFO(text);
    CHECK(log.find(text) != std::string::npos);
  }
}

TEST_CASE("a VM that is paused for the battery is stopped at logout as others, and what a person paused stays so") {
  Desktop desktop;
  const MockedUPower upower(desktop.host(), false);
  desktop.login();
  const auto guest = desktop.define({.name = "a", .policy = R"({"on_battery": "pause"})"});
  const auto mine = desktop.define({.name = "b", .system = System::none, .policy = R"({"on_battery": "pause"})"});
  for (const auto* vm : {&guest, &mine}) vm->start();
  guest.wait_ready();
  desktop.wait_for("b", "Phase", "running");
  wait_until_followed(desktop);
  mine.must_virsh("suspend");
  desktop.wait_for("b", "Phase", "paused");
  upower.plug(false);
  desktop.wait_for("a", "PhaseReason", "paused on battery power", kLong);
  upower.plug(true);
  desktop.wait_for("a", "Phase", "running", kLong);
  CHECK(mine.state() == "paused");
  upower.plug(false);
  desktop.wait_for("a", "PhaseReason", "paused on battery power", kLong);
  mine.destroy();
  desktop.logout();
  CHECK(guest.console().find(kPowerDown) != std::string::npos);
}
