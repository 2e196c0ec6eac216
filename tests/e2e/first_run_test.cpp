// SPDX-License-Identifier: LGPL-2.1-or-later
#include "e2e/ctl.hpp"

#include <doctest/doctest.h>

using namespace virtsession;
using namespace virtsession::test;

namespace {

/// A libvirt for the system, with one VM: as little of it as answers.
void start_system_libvirt(Desktop& desktop) {
  // libvirt's package brings this user since Debian 13.
  desktop.host().must_exec({"sh", "-c", "getent passwd libvirt-qemu || useradd --system --user-group libvirt-qemu"});
  desktop.host().write_file("/etc/libvirt/" + kLibvirtDaemon + ".conf", "auth_unix_ro = \"none\"\n");
  desktop.host().must_exec({"systemd-run", "--unit=libvirt-of-the-system", "--service-type=notify", kLibvirtDaemon});
  desktop.host().write_file(
      "/root/server.xml",
      "<domain type='qemu'><name>server</name><memory>1024</memory><os><type>hvm</type></os></domain>");
  desktop.host().must_exec({"virsh", "-c", "qemu:///system", "define", "/root/server.xml"});
}

}  // namespace

TEST_CASE("first run: status tells what is missing and the command for it, until a login starts a VM") {
  Desktop desktop;
  desktop.login();
  const auto status = [&] { return ctl_out(desktop, {}); };
  auto text = status();
  CHECK(has(text, "There is no virtual machine of yours yet"));
  CHECK_FALSE(has(text, "qemu:///system"));

  start_system_libvirt(desktop);
  text = status();
  CHECK(has(text, "qemu:///system has 1 VM (server). They are not here"));
  CHECK(has(text, "virtsessionctl doctor --uri"));
  CHECK(has(ctl_out(desktop, {"doctor", "--uri"}), "yes, to look (read-only"));

  const auto guest = desktop.define({.name = "web"});
  wait_until([&] { return desktop.find("web").has_value(); }, kSoon, "the domain is there");
  text = status();
  CHECK_FALSE(has(text, "qemu:///system"));
  CHECK(has(text, "No VM is marked to start at login. To mark one:\n    virtsessionctl enable web\n"));
  ctl_out(desktop, {"enable", "web"});
  CHECK_FALSE(has(status(), "What to do"));
  desktop.logout();
  desktop.login();
  guest.wait_ready();
  desktop.wait_for("web", "Phase", "running");
}
