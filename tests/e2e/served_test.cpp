// SPDX-License-Identifier: LGPL-2.1-or-later
#include "e2e/ctl.hpp"
#include "e2e/odd_guests.hpp"

#include <doctest/doctest.h>

using namespace virtsession;
using namespace virtsession::test;

// A VM whose disk is served by a unit of the user.

namespace {

Guest define_served(Desktop& desktop) {
  return desktop.define(
      {.name = "served", .kernel_arguments = "guest.shutdown=3 guest.writes", .devices = served_disk(desktop)});
}

}  // namespace

TEST_CASE("a unit serves a VM's disk: doctor warns, and ordered after it the VM starts later and stops earlier") {
  Desktop desktop;
  desktop.login();
  install_disk_server(desktop);
  desktop.systemctl({"start", kDiskServer});
  const auto served = define_served(desktop);
  desktop.virsh({"autostart", "served"});
  served.start();
  served.wait_ready();
  desktop.wait_for("served", "Phase", "running");
  const auto fix = "virtsessionctl policy served after_units=" + kDiskServer;
  const auto before = ctl(desktop, {"doctor"});
  CAPTURE(before.out);
  CHECK(has(before.out, kDiskServer + " is stopped before the VM"));
  CHECK(has(before.out, fix));
  wait_until([&] { return !desktop.text("served", "Scope").empty(); }, kSoon, "it has a scope");
  const auto scope = desktop.text("served", "Scope");
  desktop.run({"sh", "-c", fix});
  wait_until([&] { return desktop.text("served", "Scope") != scope; }, kSoon, "it has a scope in the new order");
  CHECK(has(desktop.systemctl({"show", "-P", "After", desktop.text("served", "Scope")}), kDiskServer));
  CHECK_FALSE(has(ctl(desktop, {"doctor"}).out, "is stopped before the VM"));
  CHECK(served.count_on_console("guest ready") == 1);

  desktop.logout();
  const auto said = desktop.host().journal({"--boot=0", "--output=short-precise"});
  CHECK(served.count_on_console("guest: wrote its last") == 1);
  CHECK(served.count_on_console("guest: could not write") == 0);
  CHECK(served.count_on_console(kPowerDown) == 1);
  CAPTURE(said);
  CHECK(has(said, "Stopping " + kDiskServer));

  // After the login it waits for the unit, which somebody has turned off meanwhile.
  desktop.host().must_exec({"rm", "/home/alice/.config/systemd/user/default.target.wants/" + kDiskServer});
  desktop.login();
  desktop.wait_for("served", "Phase", "waiting");
  CHECK(desktop.text("served", "PhaseReason") == "waits for " + kDiskServer + " to be active");
  desktop.systemctl({"start", kDiskServer});
  desktop.wait_for("served", "Phase", "running");
}
