// SPDX-License-Identifier: LGPL-2.1-or-later
#include "e2e/desktop.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <set>

using namespace virtsession;
using namespace virtsession::test;

namespace {

using std::chrono::seconds;

/// What virtsessiond has said since this boot of the host, over all logins.
std::string said(Desktop& desktop) {
  return desktop.host().journal({"--boot=0", "--output=short-precise", "_COMM=virtsessiond"});
}

/// Whether a journal has systemd's words on the end of virtsessiond: what it would say of a bad one is there, too.
bool has_end_of_unit(const std::string& journal) {
  for (const auto* text : {"Stopped virtsessiond.service", "Stopped Supervisor of the user's virtual machines"})
    if (journal.find(text) != std::string::npos) return true;
  return false;
}

/// How the last run of a guest ended, by libvirt's log of it: "shutdown", "saved", "destroyed", "crashed".
std::string ends(Desktop& desktop, const Guest& guest) {
  const auto log =
      desktop.host().read_file("/home/alice/.cache/libvirt/qemu/log/" + guest.name() + ".log").value_or("");
  const std::string word = "shutting down, reason=";
  const auto at = log.rfind(word);
  return at == std::string::npos ? "" : log.substr(at + word.size(), log.find('\n', at) - at - word.size());
}

bool is_saved(Desktop& desktop, const Guest& guest) {
  const auto file = desktop.host().disk_path("/home/alice/.config/libvirt/qemu/save/" + guest.name() + ".save");
  return std::filesystem::exists(file);
}

/// Logs out, and leaves the time that follows to the test.
void begin_logout(Desktop& desktop) {
  desktop.disconnect();
  desktop.host().logout(kUser);
}

void wait_until_said(Desktop& desktop, const std::string& text) {
  wait_until([&] { return said(desktop).find(text) != std::string::npos; }, kLong, "the journal says: " + text,
             std::chrono::milliseconds(200));
}

void wait_for_uptime(const Guest& guest, long least) {
  wait_until([&] { return guest.last_uptime() >= least; }, kLong,
             guest.name() + " has been up for " + std::to_string(least) + " s");
}

}  // namespace

TEST_CASE("logout: every guest is stopped by its policy, in the reverse order, within the budget") {
  Desktop desktop;
  desktop.login();
  const auto db = desktop.define({.name = "db", .policy = R"({"start_order": 10})"});
  const auto app = desktop.define({.name = "app", .policy = R"({"start_order": 20})"});
  const auto web = desktop.define({.name = "web", .system = System::agent, .policy = R"({"start_order": 30})"});
  const auto stubborn = desktop.define(
      {.name = "stubborn",
       .system = System::stubborn,
       .policy = R"({"start_order": 20, "stop_timeout_sec": 4, "stop_actions": ["shutdown", "poweroff"]})"});
  const auto kept = desktop.define(
      {.name = "kept", .policy = R"({"start_order": 20, "stop_actions": ["save"]})", .kernel_arguments = "guest.tick"});
  const auto restarting =
      desktop.define({.name = "restarting", .policy = R"({"start_order": 30})", .on_poweroff = "restart"});
  const std::vector<const Guest*> all{&db, &app, &web, &stubborn, &kept, &restarting};
  for (const auto* guest : all) guest->start();
  for (const auto* guest : all) guest->wait_ready();
  wait_for_uptime(kept, 1);
  desktop.wait_for("web", "Phase", "running");

  std::map<std::string, std::string> planned;
  for (const auto& step : desktop.api().manager().PlanStop({})) planned[std::get<2>(step)] = std::get<3>(step);
  CHECK(planned == std::map<std::string, std::string>{{"db", "shutdown"},
                                                      {"app", "shutdown"},
                                                      {"web", "shutdown"},
                                                      {"stubborn", "shutdown"},
                                                      {"kept", "save"},
                                                      {"restarting", "save"}});
  desktop.logout();

  for (const auto* guest : {&db, &app, &web}) {
    INFO(guest->name());
    CHECK(guest->count_on_console(kPowerDown) == 1);
  }
  for (const auto* guest : {&kept, &restarting}) {
    INFO(guest->name());
    CHECK(is_saved(desktop, *guest));
    CHECK(guest->count_on_console(kPowerDown) == 0);
    CHECK(guest->count_on_console("guest ready") == 1);
  }
  CHECK(stubborn.count_on_console(kPowerDown) == 0);
  const auto journal = said(desktop);
  INFO(journal);
  const auto position = [&](const std::string& text) { return journal.find(text); };
  const auto missing = std::string::npos;
  REQUIRE(position("VM \"web\": inactive (shut down)") != missing);
  REQUIRE(position("VM \"stubborn\": inactive (powered off)") != missing);
  CHECK(position("VM \"web\": inactive (shut down)") < position("VM \"app\": inactive (shut down)"));
  CHECK(position("VM \"restarting\": inactive (saved)") < position("VM \"kept\": saving"));
  CHECK(position("VM \"stubborn\": inactive (powered off)") < position("VM \"db\": inactive (shut down)"));
  CHECK(position("VM \"stubborn\": is powered off because of the end of the session; shutdown: not in time") !=
        missing);
  CHECK(position("has ended: 1 powered off, 2 saved, 3 shut down") != missing);
  const auto units = desktop.host().journal({"--boot=0", "--output=cat"});
  REQUIRE(has_end_of_unit(units));
  CHECK(units.find("virtsessiond.service: State 'stop-sigterm' timed out") == missing);
  CHECK(units.find("Failed with result 'timeout'") == missing);

  desktop.login();
  // libvirt's own log of each domain says the same.
  for (const auto* guest : {&db, &app, &web}) CHECK(ends(desktop, *guest) == "shutdown");
  for (const auto* guest : {&kept, &restarting}) CHECK(ends(desktop, *guest) == "saved");
  CHECK(ends(desktop, stubborn) == "destroyed");
  for (const auto* guest : all) CHECK(guest->state() == "shut off");
  CHECK(desktop.flag("kept", "ManagedSave"));
  const auto uptime = kept.last_uptime();
  kept.start();
  wait_for_uptime(kept, uptime + 1);
  CHECK(kept.count_on_console("guest ready") == 1);
}

TEST_CASE("reboot: saved guests go on, those that ran start, the others stay off") {
  Desktop desktop;
  desktop.login();
  const auto kept =
      desktop.define({.name = "kept", .policy = R"({"stop_actions": ["save"]})", .kernel_arguments = "guest.tick"});
  const auto ran = desktop.define({.name = "ran", .policy = R"({"start": "was-running"})"});
  const auto unmarked = desktop.define({.name = "unmarked"});
  const auto off = desktop.define({.name = "off", .policy = R"({"start": "was-running"})"});
  kept.set_autostart(true);
  for (const auto* guest : {&kept, &ran, &unmarked}) guest->start();
  for (const auto* guest : {&kept, &ran, &unmarked}) guest->wait_ready();
  wait_for_uptime(kept, 1);
  desktop.wait_for("ran", "Phase", "running");
  const auto uptime = kept.last_uptime();
  desktop.reboot();
  CHECK(is_saved(desktop, kept));
  for (const auto* guest : {&ran, &unmarked}) CHECK(guest->count_on_console(kPowerDown) == 1);

  desktop.login();
  ran.wait_ready(2);
  wait_for_uptime(kept, uptime + 1);
  CHECK(kept.count_on_console("guest ready") == 1);
  wait_until([&] { return desktop.manager_text("AutostartState") == "done"; }, kLong, "autostart is done");
  CHECK(unmarked.state() == "shut off");
  CHECK(off.state() == "shut off");
  CHECK_FALSE(is_saved(desktop, kept));
}

TEST_CASE("logout while guests are booting: the button is pressed until they see it") {
  Desktop desktop;
  desktop.login();
  const auto one = desktop.define({.name = "one"});
  const auto two = desktop.define({.name = "two", .system = System::agent});
  one.start();
  two.start();
  desktop.logout();
  for (const auto* guest : {&one, &two}) {
    INFO(guest->name());
    CHECK(guest->count_on_console(kPowerDown) == 1);
  }
}

TEST_CASE("logout while the libvirt daemon hangs or is gone: it is replaced, and guests shut down") {
  Desktop desktop;
  desktop.login();
  const auto guest = desktop.define({.name = "guest"});
  std::size_t boots = 0;
  for (const char* signal : {"-STOP", "-KILL"}) {
    CAPTURE(signal);
    guest.start();
    guest.wait_ready(++boots);
    desktop.wait_for("guest", "Phase", "running");
    begin_logout(desktop);
    wait_until_said(desktop, "VM \"guest\": stopping");
    desktop.host().exec({"pkill", signal, "-x", kLibvirtDaemon});
    desktop.host().wait_user_stopped(kUser);
    INFO(said(desktop));
    CHECK(guest.count_on_console(kPowerDown) == boots);
    desktop.login();
  }
  guest.start();
  guest.wait_ready(++boots);
  desktop.wait_for("guest", "Phase", "running");
  desktop.host().must_exec({"kill", "-STOP", std::to_string(desktop.main_pid(kLibvirtUnit))});
  desktop.logout();
  INFO(said(desktop));
  CHECK(guest.count_on_console(kPowerDown) == boots);
}

TEST_CASE(
    "logout in the moment in which the libvirt daemon was killed: it is back for the stop, and guests shut down") {
  Desktop desktop;
  desktop.host().write_file("/etc/systemd/user/" + kLibvirtUnit + ".d/moment.conf", "[Service]\nRestartSec=1h\n");
  desktop.login();
  const auto guest = desktop.define({.name = "guest"});
  guest.start();
  guest.wait_ready();
  desktop.wait_for("guest", "Phase", "running");
  const auto supervisor = std::to_string(desktop.main_pid("virtsessiond.service"));
  // It would have the daemon started before the moment is over.
  desktop.host().must_exec({"kill", "-STOP", supervisor});
  desktop.host().must_exec({"pkill", "-KILL", "-x", kLibvirtDaemon});
  wait_until(
      [&] {
        return desktop.systemctl({"show", "-P", "SubState", kLibvirtUnit}).starts_with("auto-restart");
      },
      kSoon, "the unit waits for its restart");
  begin_logout(desktop);
  wait_until(
      [&] {
        return desktop.host().journal({"--boot=0", "--output=cat", "_COMM=systemd"}).find("Stopping virtsessiond") !=
               std::string::npos;
      },
      kLong, "the session ends");
  desktop.host().must_exec({"kill", "-CONT", supervisor});
  desktop.host().wait_user_stopped(kUser);
  INFO(said(desktop));
  CHECK(guest.count_on_console(kPowerDown) == 1);
}

TEST_CASE("logout, and the bus and the libvirt daemon are killed at once: guests are asked to shut down") {
  Desktop desktop;
  desktop.login();
  const auto last = desktop.define({.name = "last"});
  const auto first = desktop.define(
      {.name = "first", .policy = R"({"start_after": ["last"]})", .kernel_arguments = "guest.shutdown=6"});
  for (const auto* guest : {&last, &first}) guest->start();
  for (const auto* guest : {&last, &first}) guest->wait_ready();
  desktop.wait_for("first", "Phase", "running");
  begin_logout(desktop);
  first.wait_for_console("guest shuts down: 5", kLong);
  desktop.host().must_exec({"pkill", "-KILL", "-u", kUser, "-x", kLibvirtDaemon + "|dbus-daemon"});
  desktop.host().wait_user_stopped(kUser);
  INFO(said(desktop));
  for (const auto* guest : {&last, &first}) {
    INFO(guest->name());
    CHECK(guest->count_on_console(kPowerDown) == 1);
  }
}

TEST_CASE("logout without a bus, and the libvirt daemon or the last resort itself is killed: each guest is asked") {
  std::string victim;
  SUBCASE("libvirt's daemon") { victim = kLibvirtDaemon; }
  SUBCASE("the last resort") { victim = "virtsessiond"; }
  Desktop desktop;
  desktop.login();
  const auto last = desktop.define({.name = "last"});
  const auto first = desktop.define(
      {.name = "first", .policy = R"({"start_after": ["last"]})", .kernel_arguments = "guest.shutdown=15"});
  for (const auto* guest : {&last, &first}) guest->start();
  for (const auto* guest : {&last, &first}) guest->wait_ready();
  desktop.wait_for("first", "Phase", "running");
  begin_logout(desktop);
  first.wait_for_console("guest shuts down: 15", kLong);
  desktop.host().must_exec({"pkill", "-KILL", "-u", kUser, "-x", "dbus-daemon"});
  wait_until_said(desktop, "Last resort: VM \"first\": shutdown");
  desktop.host().must_exec({"pkill", "-KILL", "-u", kUser, "-x", victim});
  desktop.host().wait_user_stopped(kUser);
  INFO(said(desktop));
  for (const auto* guest : {&last, &first}) {
    INFO(guest->name());
    CHECK(guest->count_on_console(kPowerDown) == 1);
  }
}

TEST_CASE("kill -9 of virtsessiond while it stops VMs: the next instance goes on") {
  Desktop desktop;
  desktop.login();
  const auto stubborn = desktop.define(
      {.name = "stubborn", .system = System::stubborn, .policy = R"({"start_order": 2, "stop_timeout_sec": 8})"});
  const auto first = desktop.define({.name = "first", .policy = R"({"start_order": 1})"});
  for (const auto* guest : {&stubborn, &first}) guest->start();
  for (const auto* guest : {&stubborn, &first}) guest->wait_ready();
  desktop.wait_for("first", "Phase", "running");
  const auto pid = desktop.main_pid("virtsessiond.service");
  begin_logout(desktop);
  wait_until_said(desktop, "VM \"stubborn\": stopping (the guest is asked");
  desktop.host().must_exec({"kill", "-9", std::to_string(pid)});
  desktop.host().wait_user_stopped(kUser);
  INFO(said(desktop));
  CHECK(is_saved(desktop, stubborn));
  CHECK(first.count_on_console(kPowerDown) == 1);
}

TEST_CASE("a budget of 15 s: what is stubborn is saved in time, and systemd has to kill nothing") {
  Desktop desktop;
  desktop.host().write_file("/etc/systemd/user/virtsessiond.service.d/budget.conf", "[Service]\nTimeoutStopSec=15\n");
  desktop.login();
  wait_until(
      [&] {
        return desktop.api()
                   .get_all(std::string(kRootPath), kManagerInterface)
                   .at("StopBudgetUSec")
                   .get<std::uint64_t>() == 13'000'000;
      },
      kSoon, "the budget is known");
  const auto one = desktop.define({.name = "one", .system = System::stubborn});
  const auto two = desktop.define({.name = "two", .system = System::stubborn, .policy = R"({"start_order": 1})"});
  const auto good = desktop.define({.name = "good"});
  for (const auto* guest : {&one, &two, &good}) guest->start();
  for (const auto* guest : {&one, &two, &good}) guest->wait_ready();
  desktop.wait_for("good", "Phase", "running");
  desktop.logout();
  const auto journal = said(desktop);
  INFO(journal);
  for (const auto* guest : {&one, &two}) CHECK(is_saved(desktop, *guest));
  CHECK(good.count_on_console(kPowerDown) == 1);
  CHECK(journal.find("has ended: 2 saved, 1 shut down") != std::string::npos);
  const auto units = desktop.host().journal({"--boot=0", "--output=cat"});
  REQUIRE(has_end_of_unit(units));
  CHECK(units.find("Failed with result 'timeout'") == std::string::npos);
}

TEST_CASE("StopAll stops what runs, and says what it could not stop, as PlanStop does beforehand") {
  Desktop desktop;
  desktop.login();
  const auto good = desktop.define({.name = "good"});
  const auto left =
      desktop.define({.name = "left", .system = System::none, .policy = R"({"stop_actions": ["leave"]})"});
  const auto refuses = desktop.define({.name = "refuses",
                                       .system = System::stubborn,
                                       .policy = R"({"stop_timeout_sec": 2, "stop_actions": ["shutdown"]})"});
  for (const auto* guest : {&good, &left, &refuses}) guest->start();
  good.wait_ready();
  refuses.wait_ready();
  desktop.wait_for("refuses", "Phase", "running");
  auto call = desktop.api().call(std::string(kRootPath), kManagerInterface, "StopAll", VariantMap{});
  wait_until([&] { return desktop.manager_text("StopState") == "running"; }, kSoon, "the stop is under way");
  CHECK(desktop.call("good", "Start").error_name == "org.virtsession.Supervisor1.Error.ShuttingDown");
  const auto outcome = wait_for(call);
  CHECK(outcome.error_name == "org.virtsession.Supervisor1.Error.OperationFailed");
  CHECK(outcome.mentions("\"refuses\""));
  CHECK_FALSE(outcome.mentions("\"left\""));
  CHECK(good.count_on_console(kPowerDown) == 1);
  CHECK(left.state() == "running");
  CHECK(refuses.state() == "running");
  CHECK(desktop.text("refuses", "LastError").find("shutdown: not in time") != std::string::npos);
  CHECK(desktop.manager_text("StopState") == "idle");
  CHECK(desktop.call("good", "Start").error_name.empty());
}
