// SPDX-License-Identifier: LGPL-2.1-or-later
#include "e2e/ctl.hpp"
#include "e2e/desktop.hpp"

#include <doctest/doctest.h>

using namespace virtsession;
using namespace virtsession::test;

// A VM whose disk is served by a unit of the user.

namespace {

const std::string kUnit = "disk-server.service";

/// qemu-nbd as a service of the user, at a socket in the runtime folder.
void install_server(Desktop& desktop) {
  desktop.run({"qemu-img", "create", "-q", "-f", "raw", "/home/alice/served.img", "16M"});
  desktop.host().write_file(
      "/home/alice/.config/systemd/user/" + kUnit,
      "[Unit]\nDescription=Server of a disk\n[Service]\nType=exec\n"
      "ExecStart=qemu-nbd --persistent --socket=%t/disk.sock --format=raw /home/alice/served.img\n"
      "ExecStartPost=sh -c 'until [ -S %t/disk.sock ]; do sleep 0.05; done'\n"
      "[Install]\nWantedBy=default.target\n",
      kUser);
  desktop.systemctl({"daemon-reload"});
  desktop.systemctl({"enable", kUnit});
}

Guest define_served(Desktop& desktop) {
  const auto socket = "/run/user/" + std::to_string(desktop.host().uid_of(kUser)) + "/disk.sock";
  return desktop.define({.name = "served",
                         .kernel_arguments = "guest.shutdown=3 guest.writes",
                         .devices = "<disk type='network' device='disk'><driver name='qemu' type='raw'/>"
                                    "<source protocol='nbd'><host transport='unix' socket='" +
                                    socket + "'/></source><target dev='vda' bus='virtio'/></disk>"});
}

}  // namespace

TEST_CASE("a unit serves a VM's disk: doctor warns, and ordered after it the VM starts later and stops earlier") {
  Desktop desktop;
  desktop.login();
  install_server(desktop);
  desktop.systemctl({"start", kUnit});
  const auto served = define_served(desktop);
  desktop.virsh({"autostart", "served"});
  served.start();
  served.wait_ready();
  desktop.wait_for("served", "Phase", "running");
  const auto fix = "virtsessionctl policy served after_units=" + kUnit;
  const auto before = ctl(desktop, {"doctor"});
  CAPTURE(before.out);
  CHECK(has(before.out, kUnit + " is stopped before the VM"));
  CHECK(has(before.out, fix));
  wait_until([&] { return !desktop.text("served", "Scope").empty(); }, kSoon, "it has a scope");
  const auto scope = desktop.text("served", "Scope");
  desktop.run({"sh", "-c", fix});
  wait_until([&] { return desktop.text("served", "Scope") != scope; }, kSoon, "it has a scope in the new order");
  CHECK(has(desktop.systemctl({"show", "-P", "After", desktop.text("served", "Scope")}), kUnit));
  CHECK_FALSE(has(ctl(desktop, {"doctor"}).out, "is stopped before the VM"));
  CHECK(served.count_on_console("guest ready") == 1);

  desktop.logout();
  const auto said = desktop.host().journal({"--boot=0", "--output=short-precise"});
  CHECK(served.count_on_console("guest: wrote its last") == 1);
  CHECK(served.count_on_console("guest: could not write") == 0);
  CHECK(served.count_on_console(kPowerDown) == 1);
  CAPTURE(said);
  CHECK(has(said, "Stopping " + kUnit));

  // After the login it waits for the unit, which somebody has turned off meanwhile.
  desktop.host().must_exec({"rm", "/home/alice/.config/systemd/user/default.target.wants/" + kUnit});
  desktop.login();
  desktop.wait_for("served", "Phase", "waiting");
  CHECK(desktop.text("served", "PhaseReason") == "waits for " + kUnit + " to be active");
  desktop.systemctl({"start", kUnit});
  desktop.wait_for("served", "Phase", "running");
}
