// SPDX-License-Identifier: LGPL-2.1-or-later
#include "e2e/ctl.hpp"
#include "e2e/odd_guests.hpp"

#include <doctest/doctest.h>

#include <filesystem>

using namespace virtsession;
using namespace virtsession::test;

// The way down, and up again, of VMs that are not as others: transient, slow, asleep, stuck, not to be saved.

namespace {

using std::chrono::seconds;

const std::string kStuckId = "MESSAGE_ID=66dfeab0a2834a41afbc60a7ba46b601";

std::string said_of_ladder(Desktop& desktop) {
  return desktop.host().journal({"--boot=0", "--output=short-precise", "_COMM=virtsessiond"});
}

/// The decision and the reason in the plan for the end of the session.
std::string plan_of(Desktop& desktop, const std::string& name) {
  for (const auto& step : desktop.api().manager().PlanStop({}))
    if (std::get<2>(step) == name) return std::get<3>(step) + ": " + std::get<4>(step);
  return {};
}

bool is_kept(Desktop& desktop, const std::string& name) {
  return std::filesystem::exists(desktop.host().disk_path("/home/alice/.config/libvirt/qemu/save/" + name + ".save"));
}

}  // namespace

TEST_CASE("logout: guests of transient, left, unsaveable and booting VMs end as the plan says") {
  Desktop desktop;
  desktop.login();
  const auto booting = desktop.define({.name = "booting", .kernel_arguments = "guest.tick guest.boot=8"});
  booting.start();
  const auto pressed = ctl(desktop, {"shutdown", "booting"});  // until it sees its button
  CHECK(pressed.status == 0);
  CHECK(booting.count_on_console(kPowerDown) == 1);
  const auto ticks = booting.count_on_console("guest uptime");
  CHECK(ticks <= 6);

  const auto lab = desktop.define({.name = "lab"});
  const auto appliance = desktop.define({.name = "guestfs-abcdefgh", .system = System::none});
  const auto left = desktop.define({.name = "left", .policy = R"({"stop_actions": ["leave"]})"});
  const auto save_or_off = R"({"stop_actions": ["save", "poweroff"]})";
  const auto known = define_unsaveable(desktop, {.name = "known", .policy = save_or_off}, false),
             refused = define_unsaveable(desktop, {.name = "refused", .policy = save_or_off}, true);
  const auto big = desktop.define({.name = "big",
                                   .system = System::none,
                                   .policy = R"({"sleep": "save", "stop_actions": ["poweroff"]})",
                                   .memory_mib = 1024});
  const std::vector<const Guest*> speaking{&lab, &left, &known, &refused};
  for (const auto* guest : speaking) guest->start();
  for (const auto* guest : {&appliance, &big}) guest->start();
  for (const auto* guest : speaking) guest->wait_ready();
  // What runs stays when its definition goes, as what `virsh create` makes.
  for (const auto* name : {"lab", "guestfs-abcdefgh"}) desktop.virsh({"undefine", name});
  wait_until([&] { return !desktop.flag("lab", "Persistent") && !desktop.flag("guestfs-abcdefgh", "Persistent"); },
             kSoon, "both are transient");
  wait_until([&] { return has(desktop.text("lab", "Scope"), "virtsession-lab"); }, kSoon, "it has a scope");

  CHECK(has(plan_of(desktop, "lab"), "shutdown: shutdown by its power button"));
  CHECK(has(plan_of(desktop, "guestfs-abcdefgh"), "poweroff: an appliance of libguestfs"));
  CHECK(has(plan_of(desktop, "left"), "leave: left to systemd, which ends it with the session, without a shutdown"));
  CHECK(has(plan_of(desktop, "known"), "shutdown: shutdown by its power button"));
  CHECK(has(plan_of(desktop, "known"), "not save: it has an emulated NVMe controller"));
  CHECK(has(plan_of(desktop, "refused"), "save: save"));
  CHECK(desktop.call("refused", "Save").error_name == "org.virtsession.Supervisor1.Error.NotSupported");
  CHECK(has(plan_of(desktop, "refused"), "not save: libvirt refused it"));
  CHECK(has(desktop.text("refused", "LastError"), "failed to save"));
  const auto shown = ctl_out(desktop, {"show", "big"});
  CHECK(has(shown, "it is paused, not saved, when the host sleeps"));
  CHECK(has(shown, "InhibitDelayMaxSec="));

  booting.start();
  wait_until([&] { return booting.qemu_pid() != 0; }, kSoon, "it boots");
  desktop.logout();
  const auto said = said_of_ladder(desktop);
  CAPTURE(said);
  for (const auto* guest : {&lab, &known, &refused}) {
    CAPTURE(guest->name());
    CHECK(guest->count_on_console(kPowerDown) == 1);
  }
  CHECK(booting.count_on_console(kPowerDown) == 2);
  CHECK(booting.count_on_console("guest uptime") - ticks <= 6);
  CHECK(left.count_on_console(kPowerDown) == 0);
  CHECK(has(said, "VM \"lab\": inactive (shut down, and gone: it was transient)"));
  CHECK_FALSE(has(said, "The session ends with VMs that run"));
  CHECK(has(said, "has ended: 1 left running, 2 powered off, 4 shut down"));
}

TEST_CASE("a full disk, sleep, a slow shutdown: told at once, saved at logout, and running after the login") {
  Desktop desktop;
  desktop.login();
  mount_small(desktop);
  const auto full = desktop.define({.name = "full",
                                    .policy = R"({"stop_actions": ["save"]})",
                                    .kernel_arguments = "guest.fill",
                                    .disk = kSmallImage});
  const auto slow = desktop.define({.name = "slow",
                                    .policy = R"({"stop_timeout_sec": 5, "start": "was-running"})",
                                    .kernel_arguments = "guest.shutdown=25"});
  const auto sleepy = desktop.define(
      {.name = "sleepy", .kernel_arguments = "guest.sleeps", .elements = "<pm><suspend-to-mem enabled='yes'/></pm>"});
  const std::vector<const Guest*> all{&full, &slow, &sleepy};
  for (const auto* guest : all) guest->start();
  for (const auto* name : {"full", "sleepy"}) desktop.virsh({"autostart", name});

  full.wait_for_state("paused", kLong);
  desktop.wait_for("full", "Phase", "stuck", seconds(2));
  CHECK(has(desktop.text("full", "PhaseReason"), "paused by an I/O error"));
  CHECK(has(desktop.history("full").back(), "stuck: paused by an I/O error"));
  CHECK(has(desktop.host().journal({kStuckId, "VIRTSESSION_VM=full"}), "paused by an I/O error"));
  const auto status = ctl(desktop, {"status"});
  CAPTURE(status.out);
  CHECK(has(status.out, "/home/alice/small"));
  CHECK_FALSE(has(status.out, "verything that should run does"));
  grow_small(desktop, "120M");
  desktop.wait_for("full", "Phase", "running", kLong);  // by itself
  full.wait_for_console("guest: disk written", kLong);
  desktop.wait_for("full", "Phase", "stuck", kLong);  // again

  for (const auto* guest : {&slow, &sleepy}) guest->wait_ready();
  CHECK(desktop.call("sleepy", "Shutdown").mentions("went to sleep instead"));
  desktop.wait_for("sleepy", "Phase", "asleep");
  const auto begin = std::chrono::steady_clock::now();
  desktop.logout();
  CHECK(std::chrono::steady_clock::now() - begin < seconds(60));
  const auto said = said_of_ladder(desktop);
  CAPTURE(said);
  for (const auto* guest : all) {
    CAPTURE(guest->name());
    CHECK(is_kept(desktop, guest->name()));
  }
  CHECK(slow.count_on_console(kPowerDown) == 0);
  CHECK(has(said, "VM \"sleepy\": stopping (the guest is woken up"));

  grow_small(desktop, "256M");
  desktop.login();
  for (const auto* guest : all) desktop.wait_for(guest->name(), "Phase", "running", kLong);
  full.wait_for_console("guest: disk written", kLong, 4);
  slow.wait_ready(2);
  desktop.wait_for("slow", "Phase", "running");
  CHECK(slow.count_on_console(kPowerDown) == 1);
  CHECK(has(said_of_ladder(desktop), "it only ended the shutdown in the middle of which it had been saved"));
  for (const auto* guest : all) {
    CAPTURE(guest->name());
    CHECK(guest->state() == "running");
  }
}

TEST_CASE("what a person paused and saved by virsh says that it is paused after its start") {
  Desktop desktop;
  desktop.login();
  const auto box = desktop.define({.name = "box"});
  box.start();
  box.wait_ready();
  desktop.wait_for("box", "Phase", "running");
  desktop.virsh({"suspend", "box"});
  desktop.wait_for("box", "Phase", "paused");
  desktop.virsh({"managedsave", "box"});
  desktop.wait_for("box", "Phase", "inactive");
  const auto started = ctl(desktop, {"start", "box"});
  CAPTURE(started.out + started.err);
  CHECK(has(started.out + started.err, "paused"));
  desktop.wait_for("box", "Phase", "paused");
  CHECK(desktop.text("box", "PhaseReason") == "it was paused before it was saved");
  ctl_out(desktop, {"resume", "box"});
  desktop.wait_for("box", "Phase", "running");
  CHECK(box.state() == "running");

  // All are to be stopped, and virtsessiond is killed meanwhile.
  const auto slow = desktop.define({.name = "slow", .kernel_arguments = "guest.shutdown=8"});
  slow.start();
  slow.wait_ready();
  run_beside(desktop, "stop-all", {"virtsessionctl", "stop-all"});
  slow.wait_for_console("guest: power button", kLong);
  desktop.host().must_user(kUser, {"systemctl", "--user", "kill", "--signal=KILL", "virtsessiond.service"});
  desktop.disconnect();
  box.wait_for_console(kPowerDown, kLong);
  slow.wait_for_console(kPowerDown, kLong);
  desktop.wait_ready();
  for (const auto* name : {"box", "slow"}) desktop.wait_for(name, "Phase", "inactive", kLong);
  wait_until([&] { return has(said_of_ladder(desktop), "Stopping VMs asked for by virtsessionctl has ended"); }, kSoon,
             "that it has ended is told");
}
