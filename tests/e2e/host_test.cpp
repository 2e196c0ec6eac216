// SPDX-License-Identifier: LGPL-2.1-or-later
#include "e2e/desktop.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>

// What virtsessiond has to do with the host's systemd: scopes, sleep, lingering, inhibitor locks.

using namespace virtsession;
using namespace virtsession::test;

namespace {

std::string cgroup_of(Desktop& desktop, const Guest& guest) {
  return desktop.host().must_exec({"cat", "/proc/" + std::to_string(guest.qemu_pid()) + "/cgroup"});
}

std::string show(Desktop& desktop, const std::string& unit, const std::string& property) {
  return desktop.systemctl({"show", "-P", property, unit});
}

std::string wait_for_scope(Desktop& desktop, const Guest& guest) {
  std::string scope;
  wait_until([&] { return !(scope = desktop.text(guest.name(), "Scope")).empty(); }, kSoon,
             guest.name() + " has a scope");
  return scope;
}

bool linger(Desktop& desktop) {
  return desktop.api().get_all(std::string(kRootPath), kManagerInterface).at("Linger").get<bool>();
}

std::string locks(Desktop& desktop) { return desktop.host().must_exec({"systemd-inhibit", "--list", "--no-pager"}); }

}  // namespace

TEST_CASE("a VM runs in a scope of its own, with limits that change live, and libvirt's units do not touch it") {
  Desktop desktop;
  desktop.login();
  const auto guest = desktop.define({.name = "web server", .policy = R"({"cpu_weight": 50})"});
  guest.start();
  const auto scope = wait_for_scope(desktop, guest);
  CHECK(scope == "virtsession-web\\x20server-" + guest.uuid().substr(0, 8) + ".scope");
  CHECK(cgroup_of(desktop, guest).find("/virtsession.slice/" + scope) != std::string::npos);
  CHECK(show(desktop, scope, "Description") == "VM web server");
  CHECK(show(desktop, scope, "CPUWeight") == "50");
  CHECK(desktop.systemctl({"status", "--no-pager", "virtsession.slice"}).find("web\\x20server") != std::string::npos);

  const VariantMap policy{{"cpu_weight", sdbus::Variant(200)}, {"memory_high_mib", sdbus::Variant(512)}};
  const auto set =
      wait_for(desktop.api().call(*desktop.find("web server"), kVmInterface, "SetPolicy", policy, VariantMap{}));
  CHECK(set.message == "");
  wait_until([&] { return show(desktop, scope, "CPUWeight") == "200"; }, kSoon, "the weight is another one");
  wait_until([&] { return show(desktop, scope, "MemoryHigh") == "536870912"; }, kSoon, "memory has a limit");
  CHECK(desktop.call("web server", "ClearPolicy").error_name.empty());
  wait_until([&] { return show(desktop, scope, "MemoryHigh") == "infinity"; }, kSoon, "memory has no limit");

  const auto pid = guest.qemu_pid();
  desktop.systemctl({"restart", "virtsessiond"});
  desktop.wait_ready();
  CHECK(wait_for_scope(desktop, guest) == scope);
  desktop.systemctl({"restart", kLibvirtUnit});
  desktop.systemctl({"kill", "--signal=KILL", kLibvirtUnit});
  wait_until([&] { return desktop.manager_text("LibvirtState") == "ready"; }, kLong, "libvirt is back");
  CHECK(guest.state() == "running");
  CHECK(guest.qemu_pid() == pid);

  guest.destroy();
  wait_until([&] { return desktop.text("web server", "Scope").empty(); }, kSoon, "the scope is gone");
  CHECK(show(desktop, scope, "LoadState") == "not-found");
}

TEST_CASE("the host sleeps: VMs are paused or saved and go on, and guests get the time that has passed") {
  Desktop desktop;
  desktop.login();
  const auto pauses =
      desktop.define({.name = "pauses", .policy = R"({"sleep": "pause"})", .kernel_arguments = "guest.tick"});
  const auto saves =
      desktop.define({.name = "saves", .policy = R"({"sleep": "save"})", .kernel_arguments = "guest.tick"});
  // It was a day late all along; its agent is told when the host wakes up.
  const auto late = desktop.define({.name = "late",
                                    .system = System::agent,
                                    .kernel_arguments = "guest.clock",
                                    .elements = "<clock offset='variable' adjustment='-86400' basis='utc'/>\n"});
  CHECK(locks(desktop).find("virtsession") == std::string::npos);
  for (const auto* guest : {&pauses, &saves, &late}) guest->start();
  for (const auto* guest : {&pauses, &saves, &late}) guest->wait_ready();
  wait_until([&] { return locks(desktop).find("virtsession") != std::string::npos; }, kSoon, "the sleep is delayed");
  desktop.wait_for("saves", "Phase", "running");
  late.wait_for_console("guest agent starts", kLong);
  wait_until([&] { return late.last_clock() > 0 && late.last_clock() < std::time(nullptr) - 80000; }, kLong,
             "the clock is a day late");
  wait_until([&] { return saves.last_uptime() >= 1; }, kLong, "it has been up for a while");
  const auto uptime = saves.last_uptime();

  desktop.host().must_exec({"systemctl", "suspend"});
  wait_until(
      [&] {
        const auto history = desktop.history("saves");
        return std::ranges::any_of(history, [](const auto& entry) { return entry.ends_with("[the host woke up]"); });
      },
      kLong, "the saved VM is started again");
  wait_until([&] { return saves.last_uptime() > uptime; }, kLong, "the saved VM goes on");
  CHECK(saves.count_on_console("guest ready") == 1);
  wait_until([&] { return pauses.state() == "running"; }, kLong, "the paused VM goes on");
  wait_until([&] { return std::labs(late.last_clock() - std::time(nullptr)) < 60; }, kLong, "its clock is right");
  const auto logind = desktop.host().journal({"--boot=0", "--output=cat", "_COMM=systemd-logind"});
  REQUIRE(logind.find("alice") != std::string::npos);               // what it said is there
  CHECK(logind.find("Delay lock is active") == std::string::npos);  // it did not have to wait in vain
  const auto log = desktop.host().journal({"--boot=0", "--output=cat", "_COMM=virtsessiond"});
  INFO(log);
  CHECK(log.find("VM \"saves\": inactive (saved for the host's sleep)") != std::string::npos);
  const auto events = desktop.run({"cat", "/home/alice/.cache/libvirt/qemu/log/saves.log"});
  CHECK(events.find("shutting down, reason=saved") != std::string::npos);
}

TEST_CASE(
    "virtsessiond is killed as the host falls asleep: what was paused, or half saved, goes on when the host wakes up") {
  Desktop desktop;
  desktop.host().write_file("/etc/systemd/system/systemd-suspend.service.d/until.conf",
                            "[Service]\nExecStart=\nExecStart=/bin/sh -c "
                            "'touch /run/asleep; while [ -e /run/asleep ]; do sleep 0.05; done'\n");
  desktop.host().must_exec({"systemctl", "daemon-reload"});
  desktop.login();
  const auto pauses = desktop.define({.name = "pauses", .system = System::none, .policy = R"({"sleep": "pause"})"});
  const auto saves = desktop.define({.name = "saves", .policy = R"({"sleep": "save"})"});
  for (const auto* guest : {&pauses, &saves}) guest->start();
  saves.wait_ready();
  desktop.wait_for("saves", "Phase", "running");
  wait_until([&] { return locks(desktop).find("virtsession") != std::string::npos; }, kSoon, "the sleep is delayed");

  const auto pid = std::to_string(saves.qemu_pid());
  desktop.host().must_exec({"kill", "-STOP", pid});  // it is not saved before the next instance is there
  desktop.host().must_exec({"systemctl", "--no-block", "suspend"});
  desktop.wait_for("saves", "Phase", "saving");
  pauses.wait_for_state("paused", kSoon);
  desktop.systemctl({"kill", "--signal=KILL", "virtsessiond.service"});
  desktop.wait_ready();
  wait_until([&] { return desktop.host().exec({"test", "-e", "/run/asleep"}).succeeded(); }, kLong, "the host sleeps");
  desktop.host().must_exec({"kill", "-CONT", pid});
  saves.wait_for_state("shut off", kLong);
  CHECK(pauses.state() == "paused");
  desktop.host().must_exec({"rm", "/run/asleep"});
  for (const auto* guest : {&pauses, &saves}) desktop.wait_for(guest->name(), "Phase", "running", kLong);
  CHECK(pauses.state() == "running");
  CHECK(saves.count_on_console("guest ready") == 1);
  const auto history = desktop.history("saves");
  CHECK(std::ranges::any_of(history, [](const auto& entry) { return entry.ends_with("[the host woke up]"); }));
}

TEST_CASE("without a VM that needs it, no lock delays the host's sleep or end") {
  Desktop desktop;
  desktop.login();
  const auto guest = desktop.define({.name = "guest", .system = System::none});
  guest.start();
  desktop.wait_for("guest", "Phase", "running");
  const auto held = locks(desktop);
  INFO(held);
  CHECK(held.find("virtsession") == std::string::npos);
  CHECK(held.find("virtlogd") == std::string::npos);
  CHECK(held.find("libvirt") == std::string::npos);
}

TEST_CASE("lingering is shown and set: VMs start at boot and survive a logout") {
  Desktop desktop;
  desktop.login();
  CHECK_FALSE(linger(desktop));
  desktop.host().must_exec({"loginctl", "enable-linger", kUser});
  wait_until([&] { return linger(desktop); }, kSoon, "lingering is shown");
  desktop.host().must_exec({"loginctl", "disable-linger", kUser});
  wait_until([&] { return !linger(desktop); }, kSoon, "the end of lingering is shown");

  desktop.host().write_file("/etc/polkit-1/rules.d/10-linger.rules",
                            "polkit.addRule(function(action) {\n"
                            "  if (action.id == 'org.freedesktop.login1.set-self-linger') return polkit.Result.NO;\n"
                            "});\n");
  const VariantMap quietly{{"interactive", sdbus::Variant(false)}};
  const auto set = [&](bool enable) {
    return wait_for(desktop.api().call(std::string(kRootPath), kManagerInterface, "SetLinger", enable, quietly));
  };
  Outcome refused;
  wait_until([&] { return !(refused = set(true)).error_name.empty(); }, kSoon, "polkit has read its rules");
  CHECK(refused.error_name == "org.freedesktop.DBus.Error.AccessDenied");
  desktop.host().must_exec({"rm", "/etc/polkit-1/rules.d/10-linger.rules"});
  desktop.host().write_file("/etc/polkit-1/rules.d/10-linger.rules",
                            "polkit.addRule(function(action) {\n"
                            "  if (action.id == 'org.freedesktop.login1.set-self-linger') return polkit.Result.YES;\n"
                            "});\n");
  wait_until([&] { return set(true).error_name.empty(); }, kSoon, "polkit allows it");
  wait_until([&] { return linger(desktop); }, kSoon, "lingering is shown");

  const auto guest =
      desktop.define({.name = "guest", .system = System::none, .policy = R"({"stop_actions": ["poweroff"]})"});
  guest.set_autostart(true);
  guest.start();
  desktop.wait_for("guest", "Phase", "running");
  const auto pid = guest.qemu_pid();
  desktop.host().logout(kUser);
  desktop.connect();
  CHECK(desktop.text("guest", "Phase") == "running");
  CHECK(guest.qemu_pid() == pid);
  desktop.reboot();
  wait_until([&] { return guest.qemu_pid() != 0; }, kLong, "the VM runs without a login");
}
