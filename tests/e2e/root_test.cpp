// SPDX-License-Identifier: LGPL-2.1-or-later
#include "e2e/ctl.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace virtsession;
using namespace virtsession::test;

namespace {

/// What a user's manager has of ours that is or was up.
std::string our_units(Desktop& desktop, const std::string& user) {
  return desktop.host().must_user(user, {"sh", "-c",
                                         "systemctl --user list-units --plain --no-legend --state=active,activating,"
                                         "failed 'virtsession*' | cut -d' ' -f1"});
}

}  // namespace

TEST_CASE("enabled for all users: a login of root or of a system user starts nothing, and qemu:///system works") {
  Desktop desktop;
  auto& host = desktop.host();
  host.must_exec({"sh", "-c", "getent passwd libvirt-qemu || useradd --system --user-group libvirt-qemu"});
  host.write_file("/etc/libvirt/" + kLibvirtDaemon + ".conf", "auth_unix_ro = \"none\"\n");
  host.must_exec({"systemd-run", "--unit=libvirt-of-the-system", "--service-type=notify", "--property=Restart=always",
                  kLibvirtDaemon});
  const auto system_daemon = [&] {
    return host.must_exec({"systemctl", "show", "-P", "MainPID", "libvirt-of-the-system.service"});
  };
  host.must_exec({"virsh", "-c", "qemu:///system", "list"});
  const auto before = system_daemon();

  host.must_exec({"useradd", "--system", "--create-home", "--shell", "/bin/sh", "greeter"});
  for (const std::string user : {"root", "greeter"}) {
    host.login(user);
    CHECK(our_units(desktop, user).empty());
    CHECK(host.must_user(user, {"systemctl", "--user", "show", "-P", "ConditionResult", "virtsessiond.service"}) ==
          "no");
    CHECK(host.must_user(user, {"sh", "-c",
                                "ls -d \"$XDG_RUNTIME_DIR\"/libvirt \"$XDG_RUNTIME_DIR\"/virtsession "
                                "~/.config/libvirt ~/.local/state/virtsession 2>/dev/null || true"})
              .empty());
  }
  desktop.login();  // a person's starts beside them
  host.must_exec({"virsh", "-c", "qemu:///system", "list"});
  CHECK(system_daemon() == before);

  // By hand.
  for (const std::string user : {"root", "greeter"}) {
    const auto started = host.user(user, {"virtsessiond"});
    CHECK(started.status == 77);
    CHECK(std::ranges::count(started.err, '\n') == 1);
    CHECK(has(started.err, user == "root" ? "root has no session libvirt" : "greeter is a system user (uid "));
    const auto looked = host.user(user, {"virtsessionctl"});
    CHECK(looked.status == 1);
    CHECK_FALSE(has(looked.err + looked.out, "systemctl"));
  }
  for (const std::string user : {"root", "greeter"}) {
    host.logout(user);
    host.wait_user_stopped(user);
  }
  host.must_exec({"virsh", "-c", "qemu:///system", "list"});
  CHECK(system_daemon() == before);
}
