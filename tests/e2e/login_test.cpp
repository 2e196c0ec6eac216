// SPDX-License-Identifier: LGPL-2.1-or-later
#include "e2e/desktop.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace virtsession;
using namespace virtsession::test;

namespace {

std::string ordered(int order) {
  return R"({"start_order": )" + std::to_string(order) + R"(, "start_ready": "agent"})";
}

/// Watches the consoles until all guests have said that they are ready. \return their names, as they said it
std::vector<std::string> ready_order(const std::vector<const Guest*>& guests) {
  std::vector<std::string> order;
  wait_until(
      [&] {
        for (const auto* guest : guests)
          if (std::ranges::find(order, guest->name()) == order.end() &&
              guest->count_on_console("guest ready: " + guest->name()) > 0)
            order.push_back(guest->name());
        return order.size() == guests.size();
      },
      3 * kLong, "all marked guests are ready");  // one after the other
  return order;
}

}  // namespace

TEST_CASE("login: marked guests start in their order, the others stay off") {
  Desktop desktop(false);
  desktop.host().login(kUser);
  // As a user does it, once.
  desktop.systemctl({"enable", "--now", "virtsessiond.service"});
  desktop.wait_ready();
  // Defined in another order than they are to start in.
  const auto third = desktop.define({.name = "a-third", .system = System::agent, .policy = ordered(30)});
  const auto first = desktop.define({.name = "b-first", .system = System::agent, .policy = ordered(10)});
  const auto second = desktop.define({.name = "c-second", .system = System::agent, .policy = ordered(20)});
  const auto off = desktop.define({.name = "d-off"});
  for (const auto* guest : {&first, &second, &third}) guest->set_autostart(true);
  desktop.logout();

  desktop.host().login(kUser);
  CHECK(ready_order({&first, &second, &third}) == std::vector<std::string>{"b-first", "c-second", "a-third"});
  desktop.wait_ready();
  for (const auto* guest : {&first, &second, &third}) desktop.wait_for(guest->name(), "Phase", "running", kLong);
  wait_until([&] { return desktop.manager_text("AutostartState") == "done"; }, kSoon, "autostart is done");
  CHECK(off.state() == "shut off");
  CHECK(off.console().empty());

  // Had libvirt started one, its start would be another client's in the history.
  for (const auto* guest : {&first, &second, &third}) {
    const auto history = desktop.history(guest->name());
    INFO(guest->name());
    CHECK(std::ranges::any_of(
        history, [](const auto& entry) { return entry.starts_with("starting") && entry.ends_with("[login]"); }));
    CHECK(std::ranges::none_of(history, [](const auto& entry) { return entry.ends_with("[another libvirt client]"); }));
  }
  CHECK(desktop.systemctl({"show", "-P", "StatusText", "virtsessiond"}).find("3 running") != std::string::npos);
}

TEST_CASE("login: starting VMs does not delay default.target, and a VM that cannot start does not hold up the others") {
  Desktop desktop;
  desktop.login();
  const auto broken = desktop.define({.name = "broken",
                                      .system = System::none,
                                      .policy = R"({"start_order": 1, "start_retries": 0})",
                                      .disk = "/home/alice/missing.img"});
  const auto slow =
      desktop.define({.name = "slow",
                      .system = System::none,
                      .policy = R"({"start_order": 2, "start_ready": "delay", "start_ready_delay_sec": 600})"});
  broken.set_autostart(true);
  slow.set_autostart(true);
  desktop.logout();

  desktop.login();
  desktop.wait_for("slow", "Phase", "waiting-ready", kLong);
  CHECK(desktop.systemctl({"is-active", "default.target"}) == "active");
  CHECK(desktop.manager_text("AutostartState") == "running");
  desktop.wait_for("broken", "Phase", "waiting");
  CHECK(desktop.text("broken", "PhaseReason").find("missing.img") != std::string::npos);
  CHECK(desktop.text("broken", "LastError").find("missing.img") != std::string::npos);
  const auto entries = desktop.run(
      {"journalctl", "--user", "--output=cat", "VIRTSESSION_VM=broken", "VIRTSESSION_VM_UUID=" + broken.uuid()});
  CHECK(entries.find("missing.img") != std::string::npos);
}

TEST_CASE("login: a transient domain is shown and never touched") {
  Desktop desktop;
  desktop.login();
  const DomainXml domain{
      .name = "guestfs", .system = System::none, .policy = R"({"restart": "always", "start": "flag"})"};
  desktop.host().write_file("/home/alice/guestfs.xml", domain.text(), kUser);
  desktop.virsh({"create", "/home/alice/guestfs.xml"});
  desktop.wait_for("guestfs", "Phase", "running");
  CHECK_FALSE(desktop.flag("guestfs", "Persistent"));
  const auto pid = desktop.run(
      {"cat", "/run/user/" + std::to_string(desktop.host().uid_of(kUser)) + "/libvirt/qemu/run/guestfs.pid"});
  desktop.systemctl({"restart", "virtsessiond"});
  desktop.wait_ready();
  CHECK(desktop.text("guestfs", "Phase") == "running");
  desktop.host().must_exec({"kill", "-9", pid});
  wait_until([&] { return !desktop.find("guestfs"); }, kSoon, "the transient domain is gone from D-Bus");
  CHECK(desktop.virsh({"list", "--all", "--name"}).empty());
}

TEST_CASE("login: a user manager that was killed and started again is a new login: marked VMs start again") {
  Desktop desktop;
  desktop.login();
  const auto marked = desktop.define({.name = "marked", .system = System::none});
  const auto unmarked = desktop.define({.name = "unmarked", .system = System::none});
  marked.set_autostart(true);
  marked.start();
  unmarked.start();
  for (const auto* name : {"marked", "unmarked"}) desktop.wait_for(name, "Phase", "running");
  const auto unit = "user@" + std::to_string(desktop.host().uid_of(kUser)) + ".service";
  const auto manager = desktop.host().must_exec({"systemctl", "show", "-P", "MainPID", unit});

  // Not a new one: the manager becomes its own program again. What a person stopped stays off.
  marked.destroy();
  desktop.wait_for("marked", "Phase", "inactive");
  desktop.systemctl({"daemon-reexec"});
  desktop.systemctl({"restart", "virtsessiond"});
  desktop.wait_ready();
  CHECK(desktop.manager_text("AutostartState") == "done");
  CHECK(marked.state() == "shut off");

  desktop.disconnect();
  desktop.host().must_exec({"kill", "-9", manager});
  wait_until(
      [&] {
        return desktop.host().exec({"systemctl", "is-active", unit}).out != "active\n";
      },
      kSoon, "the user manager is gone");
  desktop.host().must_exec({"systemctl", "start", unit});
  desktop.wait_ready();
  desktop.wait_for("marked", "Phase", "running", kLong);
  CHECK(unmarked.state() == "shut off");
}

TEST_CASE("login: a login.json that cannot be used starts nothing, and the journal says so") {
  Desktop desktop;
  desktop.login();
  const auto guest = desktop.define({.name = "a", .system = System::none});
  guest.set_autostart(true);
  guest.start();
  desktop.wait_for("a", "Phase", "running");
  guest.destroy();
  desktop.wait_for("a", "Phase", "inactive");
  const auto file = "/run/user/" + std::to_string(desktop.host().uid_of(kUser)) + "/virtsession/login.json";
  for (const std::string damage : {"truncate -s 20 ", "echo '{\"autostart_begun\": \"yes\"}' >"}) {
    CAPTURE(damage);
    desktop.systemctl({"stop", "virtsessiond"});
    desktop.run({"sh", "-c", damage + file});
    desktop.systemctl({"start", "virtsessiond"});
    desktop.wait_ready();
    CHECK(desktop.manager_text("AutostartState") == "done");
    CHECK(guest.state() == "shut off");
  }
  const auto said = desktop.run({"journalctl", "--user", "--unit=virtsessiond", "--output=cat", "--priority=warning"});
  INFO(said);
  CHECK(said.find(file + " cannot be used (") != std::string::npos);
  CHECK(said.find("autostart_begun is a string, not a boolean") != std::string::npos);
}

TEST_CASE("state: a folder that is full is written again when there is room") {
  Desktop desktop;
  desktop.login();
  const auto guest = desktop.define({.name = "a", .system = System::none});
  desktop.systemctl({"stop", "virtsessiond"});
  const std::string folder = "/home/alice/.local/state/virtsession";
  desktop.host().must_exec({"mount", "-t", "tmpfs", "-o", "size=16k,mode=0777", "none", folder});
  desktop.host().exec({"sh", "-c", "cat /dev/zero >" + folder + "/full"});
  desktop.systemctl({"start", "virtsessiond"});
  desktop.wait_ready();
  guest.start();
  desktop.wait_for("a", "Phase", "running");
  const auto errors = [&] {
    return desktop.run({"journalctl", "--user", "--unit=virtsessiond", "--output=cat", "--priority=err"});
  };
  wait_until([&] { return errors().find("No space left on device") != std::string::npos; }, kSoon, "it is told");
  const auto said = errors();
  INFO(said);
  CHECK(said.find("Failed to write") == said.rfind("Failed to write"));
  desktop.host().must_exec({"rm", folder + "/full"});
  // Nothing else happens meanwhile.
  wait_until(
      [&] {
        return desktop.host().exec({"cat", folder + "/state.json"}).out.find(guest.uuid()) != std::string::npos;
      },
      kLong, "the state is written");
}
