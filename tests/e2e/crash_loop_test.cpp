// SPDX-License-Identifier: LGPL-2.1-or-later
#include "e2e/ctl.hpp"

#include <doctest/doctest.h>

#include <thread>

// Daemons that do not stay up: what it costs, what clients and people see, and that VMs are stopped in order all the
// same.

using namespace virtsession;
using namespace virtsession::test;

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::seconds;

/// How often systemd has seen libvirt's daemon end by itself.
long ends_of_libvirt(Desktop& desktop) {
  const auto text = desktop.host().journal({"--boot=0", "--output=cat", "_COMM=systemd"});
  const std::string what = kLibvirtUnit + ": Main process exited";
  long count = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

bool shut_down(const Guest& guest) { return guest.count_on_console("reboot: Power down") > 0; }

}  // namespace

TEST_CASE(
    "a configuration of its daemon that libvirt refuses: few starts, clients get an error, doctor has its words, "
    "mended it is back") {
  Desktop desktop;
  desktop.login();
  const auto guest = desktop.define({.name = "a", .system = System::none});
  guest.start();
  const auto pid = guest.qemu_pid();
  const auto conf = "/home/alice/.config/libvirt/" + kLibvirtDaemon + ".conf";
  desktop.host().write_file(conf, "max_clients = \"many\"\n", kUser);
  const auto broken = Clock::now();
  desktop.host().user(kUser, {"systemctl", "--user", "--no-block", "restart", kLibvirtUnit});
  wait_until([&] { return ends_of_libvirt(desktop) >= 5; }, kLong, "libvirtd has ended some times");

  // Clients come all the time, as virt-manager does.
  while (Clock::now() - broken < seconds(60)) {
    const auto begun = Clock::now();
    const auto listed = desktop.host().user(kUser, {"timeout", "20", "virsh", "-c", "qemu:///session", "list"});
    CHECK(Clock::now() - begun < seconds(5));
    CHECK(listed.status != 0);
    std::this_thread::sleep_for(seconds(2));
  }
  CHECK(ends_of_libvirt(desktop) <= 10);
  // And none forked its own, which would stay; not at the moment in which the unit tries its own, as below.
  const auto daemons = [&] { return desktop.host().exec({"pgrep", "-c", "-x", kLibvirtDaemon}).out; };
  wait_until([&] { return daemons() == "0\n"; }, kSoon, "no libvirt daemon runs");
  const auto told = [&] {
    const auto text = ctl(desktop, {"doctor"}).out;
    return has(text, kLibvirtUnit + " does not stay up (waits for its next start") && has(text, "max_clients");
  };
  wait_until(told, kLong, "doctor tells that the unit does not stay up, with the daemon's words");
  CHECK(guest.qemu_pid() == pid);

  desktop.host().write_file(conf, "max_clients = 100\n", kUser);
  wait_until([&] { return desktop.manager_text("LibvirtState") == "ready"; }, kLong, "libvirt is ready again");
  CHECK(guest.state() == "running");
  CHECK(guest.qemu_pid() == pid);
  // Somebody who restarts it again and again is not kept waiting.
  const auto begun = Clock::now();
  for (int i = 0; i < 8; ++i) desktop.systemctl({"restart", kLibvirtUnit});
  CHECK(Clock::now() - begun < seconds(20));
}

TEST_CASE("a libvirt that cannot start at all: its last words are shown, and a logout does not wait for it") {
  Desktop desktop;
  desktop.login();
  const auto guest = desktop.run_vm("a");
  desktop.host().write_file("/home/alice/.config/libvirt/qemu.conf", "max_files = \"many\"\n", kUser);
  desktop.host().user(kUser, {"systemctl", "--user", "--no-block", "restart", kLibvirtUnit});
  wait_until([&] { return has(desktop.manager_text("LibvirtReason"), "max_files"); }, kLong,
             "the reason has libvirt's last words");
  CHECK(has(ctl(desktop, {"status"}).out, "max_files"));
  CHECK(has(ctl(desktop, {"doctor"}).out, "max_files"));

  const auto begun = Clock::now();
  desktop.logout();
  CHECK(Clock::now() - begun < kLong);  // the budget is nearly twice that
  const auto log = desktop.host().read_file("/home/alice/.cache/libvirt/qemu/log/a.log");
  REQUIRE(log);
  CHECK(has(*log, "terminating on signal 15"));
}

TEST_CASE("virtlogd does not stay up: a restart that it fails is no failure of the VM, which runs when it is back") {
  Desktop desktop;
  desktop.login();
  const auto guest = desktop.define(
      {.name = "a",
       .system = System::none,
       .policy = R"({"restart": "on-failure", "restart_delay_sec": 0, "restart_limit": 1, "start_retries": 0})"});
  guest.start();
  desktop.wait_for("a", "Phase", "running");
  const std::string unit = "virtsession-virtlogd.service";
  const auto is_braked = [&] {
    return has(desktop.systemctl({"show", "-P", "StatusText", unit}), "waits for its next start");
  };
  wait_until(
      [&] {
        if (is_braked()) return true;
        desktop.host().user(kUser, {"systemctl", "--user", "kill", "-s", "KILL", unit});
        return false;
      },
      kLong, "virtlogd waits for its next start");

  desktop.host().must_exec({"kill", "-9", std::to_string(guest.qemu_pid())});
  wait_until([&] { return has(desktop.text("a", "PhaseReason"), "did not answer, and is waited for"); }, kSoon,
             "the restart waits for virtlogd");
  CHECK(desktop.text("a", "Phase") == "backoff");
  desktop.wait_for("a", "Phase", "running", 2 * kLong);  // the brake holds for half a minute
  CHECK(guest.state() == "running");
}

TEST_CASE(
    "ten SIGKILLs to virtsessiond in ten seconds, clients calling: it is active again by itself, and VMs run on") {
  Desktop desktop;
  desktop.login();
  const auto guest = desktop.run_vm("a");
  const auto pid = guest.qemu_pid();
  run_beside(desktop, "client",
             {"sh", "-c",
              "while :; do timeout 2 busctl --user call org.virtsession.Supervisor1 /org/virtsession/Supervisor1 "
              "org.freedesktop.DBus.Peer Ping; sleep 0.05; done"});
  desktop.disconnect();
  for (int i = 0; i < 10; ++i) {
    desktop.host().user(kUser, {"systemctl", "--user", "kill", "-s", "KILL", "virtsessiond"});
    std::this_thread::sleep_for(seconds(1));
  }
  wait_until(
      [&] {
        return desktop.host().user(kUser, {"systemctl", "--user", "is-active", "virtsessiond"}).out == "active\n";
      },
      kSoon, "virtsessiond is active");
  desktop.wait_ready();
  CHECK(guest.qemu_pid() == pid);
  CHECK(desktop.text("a", "Phase") == "running");
}

TEST_CASE("virtsessiond cannot run at all: at logout guests are asked to shut down in their order, as a last resort") {
  Desktop desktop;
  desktop.login();
  const auto first = desktop.define({.name = "first", .policy = R"({"stop_order": 10})"});
  const auto second = desktop.define({.name = "second", .policy = R"({"stop_order": 20})"});
  const auto stubborn = desktop.define({.name = "stubborn",
                                        .system = System::stubborn,
                                        .policy = R"({"stop_timeout_sec": 2, "stop_actions": ["shutdown", "save"]})"});
  for (const auto* guest : {&first, &second, &stubborn}) guest->start();
  for (const auto* guest : {&first, &second, &stubborn}) guest->wait_ready();
  desktop.wait_for("stubborn", "Phase", "running");
  desktop.host().write_file("/home/alice/.config/systemd/user/virtsessiond.service.d/wrong.conf",
                            "[Service]\nEnvironment=VIRTSESSION_LOG_LEVEL=none\n", kUser);
  desktop.systemctl({"daemon-reload"});
  desktop.host().user(kUser, {"systemctl", "--user", "restart", "virtsessiond"});
  wait_until(
      [&] {
        return desktop.host().user(kUser, {"systemctl", "--user", "is-failed", "virtsessiond"}).out == "failed\n";
      },
      kSoon, "virtsessiond has failed");
  // A stop of the unit alone is none of the session.
  desktop.systemctl({"restart", "virtsession-last-resort.service"});
  CHECK(first.state() == "running");

  desktop.logout();
  CHECK(shut_down(first));
  CHECK(shut_down(second));
  CHECK(desktop.host().read_file("/home/alice/.config/libvirt/qemu/save/stubborn.save").has_value());
  const auto said = desktop.host().journal({"--boot=0", "--output=cat", "_COMM=virtsessiond"});
  INFO(said);
  const auto a = said.find("Last resort: VM \"first\": shutdown"),
             b = said.find("Last resort: VM \"second\": shutdown");
  REQUIRE(b != std::string::npos);
  CHECK(a < b);
}

TEST_CASE("memory runs out: VMs are no preferred victims, virtsessiond still less, and scopes ask to be spared") {
  Desktop desktop;
  desktop.login();
  const auto guest = desktop.run_vm("a");
  const auto score = [&](pid_t pid) {
    return std::stoi(desktop.host().must_exec({"cat", "/proc/" + std::to_string(pid) + "/oom_score_adj"}));
  };
  CHECK(score(guest.qemu_pid()) <= 100);
  CHECK(score(desktop.main_pid(kLibvirtUnit)) <= 100);
  // Where the kernel does not let a user go below what the user manager has, they are the same at worst.
  CHECK(score(desktop.main_pid("virtsessiond.service")) <= score(guest.qemu_pid()));
  std::string scope;
  wait_until([&] { return !(scope = desktop.text("a", "Scope")).empty(); }, kSoon, "it has a scope");
  CHECK(desktop.systemctl({"show", "-P", "ManagedOOMPreference", scope}) == "omit");
}
