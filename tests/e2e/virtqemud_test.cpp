// SPDX-License-Identifier: LGPL-2.1-or-later
// Built only where libvirt brings virtqemud (not on Debian 12).
#include "e2e/desktop.hpp"

#include <doctest/doctest.h>

using namespace virtsession;
using namespace virtsession::test;

TEST_CASE("virtqemud by configuration: it takes over, and VMs run on") {
  Desktop desktop;
  desktop.login();
  const auto guest = desktop.define({.name = "a", .system = System::none});
  guest.start();
  desktop.wait_for("a", "Phase", "running");
  const auto pid = guest.qemu_pid();
  desktop.host().write_file("/home/alice/.config/virtsession/config.json", R"({"libvirt_daemon": "virtqemud"})", kUser);
  desktop.systemctl({"reload", "virtsessiond"});
  wait_until(
      [&] {
        return desktop.manager_text("LibvirtDaemon") == "virtqemud" && desktop.manager_text("LibvirtState") == "ready";
      },
      kLong, "virtqemud has taken over");
  CHECK(desktop.main_pid("virtsession-virtqemud.service") > 0);
  CHECK(desktop.main_pid("virtsession-libvirtd.service") == 0);
  desktop.virsh({"list"});
  CHECK(desktop.host().user(kUser, {"pgrep", "-u", kUser, "-x", "libvirtd"}).status != 0);
  CHECK(guest.qemu_pid() == pid);
  desktop.wait_for("a", "Phase", "running");
}
