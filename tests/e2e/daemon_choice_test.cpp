// SPDX-License-Identifier: LGPL-2.1-or-later
#include "e2e/desktop.hpp"

#include <doctest/doctest.h>

// Which of libvirt's two session daemons it is, where a system has both (tests/run.sh compat virtqemud).

using namespace virtsession;
using namespace virtsession::test;

namespace {

/// Whether the host has both now. A system that only brings one of them may have put the other aside.
bool has_both(const Host& host) {
  const auto other = "/usr/sbin/" + kOtherDaemon;
  host.exec({"mv", other + ".distrib", other});
  if (host.exec({"test", "-x", other}).succeeded()) return true;
  MESSAGE("there is no " << kOtherDaemon << " here");
  return false;
}

void configure(Desktop& desktop, const std::string& daemon) {
  desktop.host().write_file("/home/alice/.config/virtsession/config.json", R"({"libvirt_daemon": ")" + daemon + "\"}",
                            kUser);
}

}  // namespace

TEST_CASE("the other daemon by configuration: it takes over, and VMs run on") {
  Desktop desktop;
  if (!has_both(desktop.host())) return;
  desktop.login();
  const auto guest = desktop.run_vm("a");
  const auto pid = guest.qemu_pid();
  configure(desktop, kOtherDaemon);
  desktop.systemctl({"reload", "virtsessiond"});
  wait_until(
      [&] {
        return desktop.manager_text("LibvirtDaemon") == kOtherDaemon && desktop.manager_text("LibvirtState") == "ready";
      },
      kLong, kOtherDaemon + " has taken over");
  CHECK(desktop.main_pid("virtsession-" + kOtherDaemon + ".service") > 0);
  CHECK(desktop.main_pid(kLibvirtUnit) == 0);
  desktop.virsh({"list"});
  CHECK(desktop.host().user(kUser, {"pgrep", "-u", kUser, "-x", kLibvirtDaemon}).status != 0);
  CHECK(guest.qemu_pid() == pid);
  desktop.wait_for("a", "Phase", "running");
}
