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
      kLong, "all marked guests are ready");
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
  desktop.wait_for("broken", "Phase", "gave-up");
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
