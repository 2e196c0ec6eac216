// SPDX-License-Identifier: LGPL-2.1-or-later
#include "e2e/ctl.hpp"
#include "e2e/reached.hpp"

#include <doctest/doctest.h>

// From a VM that is defined to a shell in it, as a person gets there: with a guest that runs an sshd.

using namespace virtsession::test;

namespace {

constexpr const char* kUserNic = "<interface type='user'><model type='virtio'/></interface>\n";
constexpr const char* kKnownHosts = "/home/alice/.local/state/virtsession/known_hosts";

Guest define_with_sshd(Desktop& desktop, const std::string& name, const std::string& kernel_arguments = {}) {
  auto guest =
      desktop.define({.name = name, .system = System::ssh, .kernel_arguments = kernel_arguments, .devices = kUserNic});
  wait_until_known(desktop, {name});
  return guest;
}

std::string known_hosts(Desktop& desktop) { return desktop.host().read_file(kKnownHosts).value_or(""); }

/// The port of the host that leads to the VM's sshd.
std::string port_of(Desktop& desktop, const std::string& vm) {
  const auto rows = ctl_json(desktop, {"ports", vm});
  REQUIRE(rows.size() == 1);
  return std::to_string(rows[0].at("host_port").get<int>());
}

}  // namespace

TEST_CASE("ssh: from a VM that is defined to a command in its guest in two commands, and so over ports and saves") {
  Desktop desktop;
  desktop.login();
  bring_ssh_key(desktop);
  const auto guest = define_with_sshd(desktop, "web", "guest.sshd_delay=6");

  CHECK(has(ctl_err(desktop, {"ssh", "root@web"}, 1), "virtsessionctl ssh --start root@web"));
  // A VM is not started for nothing.
  CHECK(ctl_err(desktop, {"ssh", "--start", "root@web"}, 1) ==
        "virtsessionctl: web: nothing leads from here to its port 22\n"
        "  Make a forward:  virtsessionctl ports web +auto:22\n");
  CHECK(guest.state() == "shut off");

  const auto made = ctl(desktop, {"ports", "web", "+auto:22"});
  INFO(made.out, made.err);
  CHECK(has(made.out, " -> port 22 of the guest, from the next start on\n"));
  CHECK(made.err == "  Log in:  virtsessionctl ssh --start web\n");
  const auto begun = ctl(desktop, {"ssh", "--start", "root@web", "--", "echo hello; exit 7"});
  INFO(begun.err);
  CHECK(begun.out == "hello\n");
  CHECK(begun.status == 7);
  // QEMU takes a connection long before the sshd does.
  CHECK(
      has(begun.err, "web: waiting for the sshd at 127.0.0.1:" + port_of(desktop, "web") + " (Ctrl-C ends it) ...\n"));
  CHECK(has(begun.err, "Permanently added 'virtsession-" + guest.uuid() + "'"));
  const auto key = known_hosts(desktop);
  CHECK(key != "");

  // Another port is no other host.
  CHECK(ctl_out(desktop, {"ports", "web", "-auto:22", "+2222:22"}) ==
        "web: auto:22 is removed\nweb: 127.0.0.1:2222 -> port 22 of the guest, active\n");
  CHECK(port_of(desktop, "web") == "2222");
  const auto again = ctl(desktop, {"ssh", "root@web", "--", "-v", "echo again"});
  CHECK(again.out == "again\n");
  CHECK(has(again.err, "Connecting to 127.0.0.1 [127.0.0.1] port 2222"));  // -v was ssh's
  CHECK(!has(again.err, "CHANGED"));
  CHECK(known_hosts(desktop) == key);
  CHECK(!desktop.host().read_file("/home/alice/.ssh/known_hosts"));

  // The forward is there again after a restore, which QEMU does not do by itself.
  ctl_out(desktop, {"save", "web"});
  CHECK(ctl(desktop, {"ssh", "--start", "root@web", "--", "echo restored"}).out == "restored\n");
  CHECK(guest.count_on_console("guest ready") == 1);
  CHECK(has(ctl_out(desktop, {"address", "web"}), "127.0.0.1:2222 -> port 22 of the guest"));

  // All programs that use ssh follow; another user in the block, a port that changes, a VM that is off.
  const auto block = ctl_out(desktop, {"ssh", "--config", "--start", "root@web"});
  desktop.host().write_file("/home/alice/.ssh/virtsession", block, kUser);
  desktop.host().write_file("/home/alice/.ssh/config", "Include ~/.ssh/virtsession\n", kUser);
  desktop.host().write_file("/home/alice/file", "carried\n", kUser);
  desktop.run({"scp", "/home/alice/file", "web:/tmp/file"});
  CHECK(desktop.run({"ssh", "web", "cat /tmp/file"}) == "carried");
  ctl_out(desktop, {"ports", "web", "-2222:22", "+auto:22"});
  ctl_out(desktop, {"poweroff", "web"});
  CHECK(desktop.run({"ssh", "web", "echo from off"}) == "from off");
  CHECK(guest.count_on_console("guest ready") == 2);
  CHECK(ctl(desktop, {"ssh", "web", "--", "id -un"}).out == "root\n");
  // A large answer arrives whole, and the end of what is sent is seen.
  CHECK(desktop.run({"sh", "-c", "head -c 3000000 /dev/zero | ssh web 'cat | wc -c'"}) == "3000000");
  CHECK(desktop.run({"sh", "-c", "ssh web 'head -c 3000000 /dev/zero' | wc -c"}) == "3000000");
  CHECK(known_hosts(desktop) == key);
}

TEST_CASE("ssh: a guest without an sshd, something else on its port, a guest that stands still: what to do") {
  Desktop desktop;
  desktop.login();
  bring_ssh_key(desktop);
  const auto silent = desktop.define({.name = "silent", .devices = kUserNic});
  const auto other = desktop.define({.name = "other", .kernel_arguments = "guest.listen=22", .devices = kUserNic});
  wait_until_known(desktop, {"silent", "other"});
  ctl_out(desktop, {"ports", "silent", "+auto:22"});
  ctl_out(desktop, {"start", "silent", "other"});
  silent.wait_ready();
  other.wait_ready();

  const auto text = ctl_err(desktop, {"ssh", "--timeout", "4", "root@silent"}, 1);
  INFO(text);
  const auto address = "127.0.0.1:" + port_of(desktop, "silent");
  CHECK(has(text, "silent: waiting for the sshd at " + address + " (Ctrl-C ends it) ...\n"));
  CHECK(has(text, "virtsessionctl: silent: no sshd has answered in 4.0 s: " + address));
  CHECK(has(text, "virtsessionctl console silent"));
  ctl_out(desktop, {"pause", "silent"});
  CHECK(has(ctl_err(desktop, {"ssh", "root@silent"}, 1), "virtsessionctl resume silent"));

  // Added while it runs: the way that the error names is there at once.
  CHECK(has(ctl_err(desktop, {"ssh", "root@other"}, 1), "virtsessionctl ports other +auto:22"));
  CHECK(has(ctl_out(desktop, {"ports", "other", "+auto:22"}), ", active\n"));
  other.wait_for_console("guest listens: 22", kLong);
  const auto answered = ctl_err(desktop, {"ssh", "--timeout", "4", "root@other"}, 1);
  INFO(answered);
  CHECK(has(answered, "answers, and is no sshd"));
}
