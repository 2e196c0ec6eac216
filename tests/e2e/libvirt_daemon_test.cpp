// SPDX-License-Identifier: LGPL-2.1-or-later
#include "e2e/ctl.hpp"
#include "e2e/desktop.hpp"

#include <doctest/doctest.h>

using namespace virtsession;
using namespace virtsession::test;

namespace {}  // namespace

TEST_CASE("the first client of a session reaches the managed daemon, before virtsessiond is up") {
  Desktop desktop(false);
  desktop.host().login(kUser);
  desktop.systemctl({"enable", "virtsessiond.service"});
  desktop.logout();
  // From here on only its sockets are enabled, as at a login where virtsessiond is late.
  desktop.host().must_exec({"systemctl", "--global", "mask", "virtsessiond.service"});
  desktop.host().login(kUser);
  CHECK(desktop.main_pid(kLibvirtUnit) == 0);
  desktop.virsh({"list", "--all"});

  const auto pid = desktop.main_pid(kLibvirtUnit);
  REQUIRE(pid > 0);
  CHECK(
      desktop.run({"cat", "/proc/" + std::to_string(pid) + "/cgroup"}).ends_with("/virtsession.slice/" + kLibvirtUnit));
  CHECK(desktop.run({"pgrep", "-u", kUser, kLibvirtDaemon}) == std::to_string(pid));
}

TEST_CASE("kill -9 of the libvirt daemon: VMs run on, and the supervisor is back within two seconds") {
  Desktop desktop;
  desktop.login();
  std::vector<Guest> guests;
  for (const auto* name : {"a", "b", "c"}) guests.push_back(desktop.define({.name = name}));
  for (const auto& guest : guests) guest.start();
  for (const auto& guest : guests) guest.wait_ready();
  for (const auto& guest : guests) desktop.wait_for(guest.name(), "Phase", "running");
  std::vector<pid_t> pids;
  for (const auto& guest : guests) pids.push_back(guest.qemu_pid());
  desktop.api().signals();

  const auto daemon = std::to_string(desktop.main_pid(kLibvirtUnit));
  const auto killed = std::chrono::steady_clock::now();
  desktop.host().must_exec({"kill", "-9", daemon});
  bool lost = false;
  std::vector<SeenSignal> seen;
  wait_until(
      [&] {
        for (auto& signal : desktop.api().signals()) {
          const auto state = signal.changed.find("LibvirtState");
          if (state != signal.changed.end() && state->second.get<std::string>() != "ready") lost = true;
          seen.push_back(std::move(signal));
        }
        return lost && desktop.manager_text("LibvirtState") == "ready";
      },
      kSoon, "libvirt was lost and is ready again");
  CHECK(std::chrono::steady_clock::now() - killed < std::chrono::seconds(2));
  for (const auto& signal : seen) CHECK(signal.member != "InterfacesRemoved");
  for (std::size_t i = 0; i < guests.size(); ++i) {
    CHECK(guests[i].qemu_pid() == pids[i]);
    CHECK(desktop.text(guests[i].name(), "State") == "running");
    CHECK(desktop.text(guests[i].name(), "Phase") == "running");
  }
  // Events of the new connection arrive.
  guests[0].shutdown();
  desktop.wait_for("a", "State", "shut-off", kLong);
  guests[1].destroy();
  desktop.wait_for("b", "State", "shut-off");
}

TEST_CASE("a crash of QEMU while the libvirt daemon is down is seen when it is back") {
  Desktop desktop;
  desktop.login();
  const auto guest = desktop.define({.name = "a", .system = System::none});
  const auto wanted = desktop.define(
      {.name = "b", .system = System::none, .policy = R"({"restart": "on-failure", "restart_delay_sec": 0})"});
  guest.start();
  wanted.start();
  desktop.wait_for("b", "Phase", "running");
  const auto before = wanted.qemu_pid();
  // They are gone before the next daemon is there: of a QEMU that dies while a daemon connects to it, libvirt says that
  // the daemon stopped the domain.
  const auto daemon = std::to_string(desktop.main_pid(kLibvirtUnit));
  const auto processes = {std::to_string(guest.qemu_pid()), std::to_string(before)};
  desktop.host().must_exec({"kill", "-STOP", daemon});
  for (const auto& pid : processes) desktop.host().must_exec({"kill", "-9", pid});
  for (const auto& pid : processes)
    wait_until([&] { return !desktop.host().exec({"kill", "-0", pid}).succeeded(); }, kSoon, "QEMU is gone");
  desktop.host().must_exec({"kill", "-9", daemon});
  desktop.wait_for("a", "State", "shut-off");
  CHECK(desktop.text("a", "Phase") == "inactive");
  wait_until([&] { return wanted.qemu_pid() > 0 && wanted.qemu_pid() != before; }, kSoon, "b runs again");
  desktop.wait_for("b", "Phase", "running");
}

TEST_CASE("kill -9 and restart of virtsessiond: VMs run on, nothing is started again") {
  Desktop desktop;
  desktop.login();
  const auto running = desktop.define({.name = "running"});
  const auto stopped = desktop.define({.name = "stopped", .system = System::none});
  running.set_autostart(true);
  stopped.set_autostart(true);
  desktop.logout();
  desktop.login();
  desktop.wait_for("running", "Phase", "running", kLong);
  desktop.wait_for("stopped", "Phase", "running", kLong);
  running.wait_ready();
  stopped.destroy();
  desktop.wait_for("stopped", "Phase", "inactive");
  const auto pid = running.qemu_pid();

  for (const bool kill : {true, false}) {
    const auto before = desktop.main_pid("virtsessiond.service");
    if (kill)
      desktop.host().must_exec({"kill", "-9", std::to_string(before)});
    else
      desktop.systemctl({"restart", "virtsessiond.service"});
    wait_until(
        [&] {
          const auto now = desktop.main_pid("virtsessiond.service");
          return now > 0 && now != before;
        },
        kSoon, "virtsessiond runs again");
    desktop.wait_ready();
    CHECK(running.qemu_pid() == pid);
    CHECK(desktop.text("running", "Phase") == "running");
    CHECK(desktop.text("stopped", "Phase") == "inactive");
    CHECK(desktop.text("stopped", "Intent") == "down");
    CHECK(stopped.state() == "shut off");
    CHECK(desktop.manager_text("AutostartState") == "done");
  }
}

TEST_CASE("a libvirt daemon that hangs is restarted through its unit, and VMs run on") {
  Desktop desktop;
  desktop.login();
  const auto guest = desktop.run_vm("a");
  const auto pid = guest.qemu_pid();
  const auto daemon = desktop.main_pid(kLibvirtUnit);
  desktop.host().must_exec({"kill", "-STOP", std::to_string(daemon)});
  wait_until(
      [&] {
        const auto now = desktop.main_pid(kLibvirtUnit);
        return now > 0 && now != daemon;
      },
      kLong, "the daemon that hung was replaced");
  wait_until([&] { return desktop.manager_text("LibvirtState") == "ready"; }, kLong, "libvirt is ready again");
  CHECK(guest.qemu_pid() == pid);
  CHECK(desktop.text("a", "Phase") == "running");
}

TEST_CASE("RestartLibvirt replaces the daemon, and VMs run on") {
  Desktop desktop;
  desktop.login();
  const auto guest = desktop.run_vm("a");
  const auto pid = guest.qemu_pid();
  const auto daemon = desktop.main_pid(kLibvirtUnit);
  const auto restarted =
      wait_for(desktop.api().call(std::string(kRootPath), kManagerInterface, "RestartLibvirt", VariantMap()));
  CHECK(restarted.error_name == "");
  CHECK(desktop.main_pid(kLibvirtUnit) != daemon);
  CHECK(desktop.manager_text("LibvirtState") == "ready");

  CHECK(guest.qemu_pid() == pid);
  CHECK(desktop.text("a", "Phase") == "running");
}

TEST_CASE(
    "RestartLibvirt is refused while a transient VM runs, unless it is forced, and a daemon that hangs is replaced") {
  Desktop desktop;
  desktop.login();
  const DomainXml domain{.name = "guestfs-x", .system = System::none};
  desktop.host().write_file("/home/alice/guestfs-x.xml", domain.text(), kUser);
  // As libguestfs makes it: it ends with its connection.
  run_beside(desktop, "maker",
             {"virsh", "-c", "qemu:///session", "create /home/alice/guestfs-x.xml --autodestroy; event --loop --all"});
  desktop.wait_for("guestfs-x", "Phase", "running");
  const auto daemon = desktop.main_pid(kLibvirtUnit);
  const auto refused = ctl(desktop, {"restart-libvirt"});
  CHECK(refused.status == 1);
  CHECK(has(refused.err, "\"guestfs-x\" is transient"));
  CHECK(has(refused.err, "--force"));
  CHECK(desktop.main_pid(kLibvirtUnit) == daemon);
  CHECK(desktop.text("guestfs-x", "Phase") == "running");

  desktop.host().must_exec({"kill", "-STOP", std::to_string(daemon)});
  wait_until([&] { return desktop.main_pid(kLibvirtUnit) != daemon; }, kLong, "the daemon that hung was replaced");
  CHECK(has(desktop.run({"journalctl", "--user", "--unit=virtsessiond", "--output=cat"}),
            "hangs and is replaced: \"guestfs-x\" is transient"));
  wait_until([&] { return desktop.manager_text("LibvirtState") == "ready"; }, kLong, "libvirt is ready again");

  desktop.host().user(kUser, {"virsh", "-c", "qemu:///session", "create", "/home/alice/guestfs-x.xml"});
  desktop.wait_for("guestfs-x", "Phase", "running");
  CHECK(ctl_out(desktop, {"restart-libvirt", "--force"}).starts_with(kLibvirtDaemon + " "));
}

TEST_CASE("a libvirt daemon that does not answer: who waits is told within seconds, and the call goes on") {
  Desktop desktop;
  desktop.login();
  const auto guest = desktop.define({.name = "a", .system = System::none});
  desktop.wait_for("a", "Phase", "inactive");
  const auto daemon = desktop.main_pid(kLibvirtUnit);
  const auto path = *desktop.find("a");
  desktop.host().must_exec({"kill", "-STOP", std::to_string(daemon)});
  auto waits = desktop.api().call(path, kVmInterface, "Start", VariantMap());
  wait_until([&] { return desktop.manager_text("LibvirtState") == "not-answering"; }, kSoon, "the silence is shown");
  CHECK(desktop.manager_text("LibvirtReason").find("libvirt has not answered for ") == 0);
  CHECK(wait_for(waits).error_name == "org.virtsession.Supervisor1.Error.LibvirtUnavailable");
  const auto refused = desktop.call("a", "Start");  // which does not wait
  CHECK(refused.error_name == "org.virtsession.Supervisor1.Error.LibvirtUnavailable");
  CHECK(refused.message.find("has not answered for ") != std::string::npos);
  desktop.host().must_exec({"kill", "-CONT", std::to_string(daemon)});
  wait_until([&] { return desktop.manager_text("LibvirtState") == "ready"; }, kSoon, "libvirt answers again");
  CHECK(desktop.main_pid(kLibvirtUnit) == daemon);
  desktop.wait_for("a", "Phase", "running");
  CHECK(guest.state() == "running");
}
