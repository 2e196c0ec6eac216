// SPDX-License-Identifier: LGPL-2.1-or-later
#include "e2e/ctl.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <sstream>

// virtsessionctl against the daemon, the libvirt and the guests that it is made for. Its words in every case are
// tests/ctl's; here is what those stand for: the guest that obeys, the process that goes on, what virsh says.

using namespace virtsession;
using namespace virtsession::test;
using nlohmann::json;

namespace {

/// In any order: several VMs are told of as they are done.
std::set<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::set<std::string> lines;
  for (std::string line; std::getline(stream, line);)
    if (!line.empty()) lines.insert(line);
  return lines;
}

/// \return what it shows, with line breaks as the program wrote them
std::string on_terminal_of_user(Desktop& desktop, const std::string& line, int status = 0) {
  auto result = desktop.host().user(kUser, terminal_command(line));
  INFO(line, ": ", result.out, result.err);
  CHECK(result.status == status);
  auto& shown = result.out;
  for (std::size_t at = 0; (at = shown.find("\r\n", at)) != std::string::npos;) shown.erase(at, 1);
  return shown;
}

/// Neither colours nor symbols.
bool is_plain(const std::string& text) {
  return std::ranges::all_of(text, [](char c) { return c == '\n' || (c >= ' ' && c < 0x7f); });
}

/// When the VM came into the phase last; 0 if it did not.
std::uint64_t entered(const json& history, const std::string& phase) {
  std::uint64_t time = 0;
  for (const auto& entry : history)
    if (entry.at("phase") == phase) time = entry.at("time_usec").get<std::uint64_t>();
  return time;
}

}  // namespace

TEST_CASE("virtsessionctl: guests are started, shown and shut down, on a terminal and in a pipe") {
  Desktop desktop;
  desktop.login();
  const auto db = desktop.define({.name = "db", .system = System::stubborn});
  const auto web1 = desktop.define({.name = "web1", .title = "Shop"});
  const auto web2 = desktop.define({.name = "web2"});
  wait_until_known(desktop, {"db", "web1", "web2"});

  // Who mistypes one name has nothing done to the others.
  CHECK(has(ctl_err(desktop, {"start", "db", "wbe1"}, 4), "did you mean \"web1\"?"));
  CHECK(has(ctl_err(desktop, {"start", "db", "x*"}, 4), "no VM's name fits \"x*\""));
  CHECK(has(ctl_err(desktop, {"strat", "db"}, 2), "did you mean \"start\"?"));
  CHECK(db.state() == "shut off");

  CHECK(lines_of(ctl_out(desktop, {"start", "web*"})) == std::set<std::string>{"web1: started", "web2: started"});
  CHECK(ctl_out(desktop, {"start", "--no-block", "db"}) == "db: is starting\n");
  desktop.wait_for("db", "Phase", "running");
  CHECK(ctl_json(desktop, {"start", db.uuid()}) ==
        json{{{"uuid", db.uuid()}, {"name", "db"}, {"result", "done"}, {"error", ""}, {"message", ""}}});
  for (const auto* guest : {&db, &web1, &web2}) guest->wait_ready();

  // What it shows is what virsh and the kernel show.
  const auto listed = ctl_json(desktop, {"list"});
  REQUIRE(listed.size() == 3);
  for (const auto& vm : listed) {
    const auto name = vm.at("Name").get<std::string>();
    CHECK(vm.at("State") == desktop.virsh({"--quiet", "domstate", name}));
    CHECK(vm.at("Uuid") == desktop.virsh({"--quiet", "domuuid", name}));
  }
  CHECK(lines_of(ctl_out(desktop, {"list", "--quiet", "--running"})) ==
        lines_of(desktop.virsh({"--quiet", "list", "--name"})));
  const auto cgroup = desktop.run({"cat", "/proc/" + std::to_string(web1.qemu_pid()) + "/cgroup"});
  const auto scope = ctl_out(desktop, {"show", "web1", "--property", "Scope"});
  CHECK(has(cgroup + "\n", "/virtsession.slice/" + scope));

  std::string all;
  for (const auto* verb : {"list", "show web1", "history", "plan stop", "status web1", "version"}) {
    const auto line = std::string("virtsessionctl ") + verb;
    CHECK(is_plain(on_terminal_of_user(desktop, line)) == (line == "virtsessionctl version"));
    all += line + " && ";
  }
  CHECK(is_plain(desktop.run({"sh", "-c", all + "virtsessionctl"})));
  CHECK(has(ctl_out(desktop, {}), "3: 3 running\n"));
  const auto shown = on_terminal_of_user(desktop, "virtsessionctl");
  CHECK(shown.starts_with("\x1b[32m● \x1b[0mvirtsessiond"));
  CHECK(has(shown, "\x1b[32m●\x1b[0m \x1b[1mweb1\x1b[0m"));
  CHECK(has(ctl_out(desktop, {"status", "web1"}), "web1 - Shop\n       State: running (booted), since 2"));

  // A guest that ignores its button runs on, and one is told what can be done.
  const auto pid = db.qemu_pid();
  const auto ignored = ctl_err(desktop, {"shutdown", "--timeout", "1", "db"}, 1);
  CHECK(has(ignored, "db: failed to shut down: "));
  CHECK(has(ignored, "virtsessionctl poweroff db"));
  CHECK(db.qemu_pid() == pid);
  CHECK(db.state() == "running");
  CHECK(ctl_out(desktop, {"shutdown", "web1"}) == "web1: is off\n");
  CHECK(web1.state_with_reason() == "shut off (shutdown)");
  CHECK(web1.count_on_console(kPowerDown) == 1);
  CHECK(ctl_out(desktop, {"shutdown", "--no-block", "web2"}) == "web2: was asked to shut down\n");
  web2.wait_for_state("shut off", kLong);
  CHECK(web2.count_on_console(kPowerDown) == 1);
  CHECK(has(on_terminal_of_user(desktop, "virtsessionctl poweroff db"), "\x1b[32m✓ \x1b[0mdb: powered off"));
  CHECK(db.state_with_reason() == "shut off (destroyed)");
  CHECK(db.count_on_console(kPowerDown) == 0);

  Arguments phases;
  for (const auto& entry : ctl_json(desktop, {"history", "web1"})) phases.push_back(entry.at("phase"));
  CHECK(phases == Arguments{"inactive", "starting", "running", "stopping", "inactive"});
  CHECK(ctl_json(desktop, {"history", "web1", "--limit", "1"}).at(0).at("reason") == "shut down");
  std::string logs;
  wait_until(
      [&] {
        return has(logs = ctl_out(desktop, {"logs", "web1", "--output=cat"}), "inactive (shut down)");
      },
      kSoon, "the journal has the end of web1");
  CHECK(has(logs, "VM \"web1\": started"));
  CHECK(!has(logs, "\"db\""));
}

TEST_CASE("virtsessionctl: guests are paused, saved (a terminal shows how far it is), rebooted and powered off") {
  constexpr const char* kWriter = "/usr/lib/libvirt/libvirt_iohelper";
  Desktop desktop;
  desktop.login();
  const auto guest = desktop.define({.name = "a", .kernel_arguments = "guest.tick"});
  wait_until_known(desktop, {"a"});
  CHECK(ctl_out(desktop, {"start", "a", "--paused"}) == "a: started, paused\n");
  CHECK(guest.state() == "paused");
  CHECK(guest.console().empty());
  CHECK(ctl_out(desktop, {"resume", "a"}) == "a: runs on\n");
  guest.wait_ready();
  wait_until([&] { return guest.last_uptime() >= 1; }, kLong, "it has been up for a while");
  CHECK(ctl_out(desktop, {"pause", "a"}) == "a: paused\n");
  CHECK(guest.state() == "paused");
  const auto uptime = guest.last_uptime();

  // A save that takes as long as is needed to look at it: the program that writes libvirt's file waits for a word.
  desktop.host().must_exec({"mv", kWriter, std::string(kWriter) + ".real"});
  desktop.host().write_file(kWriter, std::string("#!/bin/sh\nuntil [ -e /run/go-on ]; do sleep 0.1; done\nexec ") +
                                         kWriter + ".real \"$@\"\n");
  desktop.host().must_exec({"chmod", "755", kWriter});
  run_beside(desktop, "save", terminal_command("virtsessionctl save a"));
  wait_for_output(desktop, "save", "… a: saving [░");
  CHECK(guest.qemu_pid() != 0);
  desktop.host().must_exec({"touch", "/run/go-on"});
  wait_for_output(desktop, "save", "\r\x1b[K\x1b[32m✓ \x1b[0ma: saved");
  CHECK(guest.state_with_reason() == "shut off (saved)");
  CHECK(has(guest.must_virsh("dominfo"), "Managed save:   yes"));
  CHECK(ctl_out(desktop, {"save", "a"}) == "a: is saved already\n");
  CHECK(has(ctl_out(desktop, {"status", "a"}), "Saved: yes"));

  // It was paused when it was saved, and nobody has said that it should run.
  CHECK(ctl_out(desktop, {"start", "a"}) ==
        "a: goes on from its saved state, and stands still: it was paused before it was saved\n");
  CHECK(guest.state() == "paused");
  CHECK(guest.last_uptime() == uptime);
  CHECK(ctl_out(desktop, {"resume", "a"}) == "a: runs on\n");
  wait_until([&] { return guest.last_uptime() > uptime; }, kLong, "it goes on");
  CHECK(guest.count_on_console("guest ready") == 1);

  const auto pid = guest.qemu_pid();
  CHECK(ctl_out(desktop, {"reboot", "a"}) == "a: was asked to reboot\n");
  guest.wait_ready(2);
  CHECK(guest.qemu_pid() == pid);
  desktop.wait_for("a", "Phase", "running");
  CHECK(ctl_out(desktop, {"save", "a"}) == "a: saved\n");
  CHECK(ctl_out(desktop, {"start", "a", "--force-boot"}) == "a: started\n");
  guest.wait_ready(3);
  CHECK(has(guest.must_virsh("dominfo"), "Managed save:   no"));
  CHECK(ctl_out(desktop, {"poweroff", "--graceful", "a"}) == "a: powered off\n");
  CHECK(guest.state_with_reason() == "shut off (destroyed)");

  // All that is stopped is shut down in order, and what was saved while it was paused is no exception.
  ctl_out(desktop, {"start", "a"});
  guest.wait_ready(4);
  const auto shut_down = guest.count_on_console(kPowerDown);
  for (const auto* verb : {"pause", "save", "start"}) ctl_out(desktop, {verb, "a"});
  CHECK(guest.state() == "paused");
  CHECK(ctl_out(desktop, {"stop-all"}) == "All VMs are stopped as planned.\n");
  CHECK(guest.state_with_reason() == "shut off (shutdown)");
  CHECK(guest.count_on_console(kPowerDown) == shut_down + 1);
}

TEST_CASE("virtsessionctl: marks, policies, the configuration, plans, and what is done to all VMs") {
  constexpr const char* kUri = "https://virtsession.org/policy/1";
  Desktop desktop;
  desktop.login();
  const auto db = desktop.define({.name = "db"});
  const auto app = desktop.define({.name = "app"});
  const auto odd = desktop.define({.name = "odd", .system = System::none});
  wait_until_known(desktop, {"db", "app", "odd"});

  CHECK(lines_of(ctl_out(desktop, {"enable", "db", "app"})) ==
        std::set<std::string>{"db: starts at login from now on", "app: starts at login from now on"});
  CHECK(has(db.must_virsh("dominfo"), "Autostart:      enable"));
  CHECK(has(odd.must_virsh("dominfo"), "Autostart:      disable"));

  CHECK(ctl_out(desktop, {"policy", "app", "start_after=db", "start_order=20"}) == "app: the policy is changed\n");
  CHECK(ctl_out(desktop, {"policy", "odd", "stop_actions=poweroff"}) == "odd: the policy is changed\n");
  const auto metadata = [&] { return desktop.virsh({"--quiet", "metadata", "app", kUri}); };
  CHECK(has(metadata(), R"(<policy>{"start_after":["db"],"start_order":20}</policy>)"));
  CHECK(has(ctl_err(desktop, {"policy", "app", "start_order=30", "restart=sometimes"}, 1), "restart"));
  CHECK(has(metadata(), R"("start_order":20)"));
  CHECK(ctl_out(desktop, {"policy", "app", "--clear", "start_order"}) == "app: the defaults apply again\n");
  CHECK(has(metadata(), R"(<policy>{"start_after":["db"]}</policy>)"));

  const std::string config = "/home/alice/.config/virtsession/config.json";
  desktop.host().write_file(config, R"({"defaults": {"stop_timeout_sec": 33}})", kUser);
  CHECK(ctl_out(desktop, {"reload"}) == config + " is in force.\n");
  desktop.host().write_file(config, R"({"defaults": {"stop_timeout_sec": "long"}})", kUser);
  const auto refused = ctl_err(desktop, {"reload"}, 1);
  CHECK(has(refused, "stop_timeout_sec"));
  CHECK(has(refused, "The old configuration stays in force."));
  CHECK(ctl_out(desktop, {"policy", "app", "stop_timeout_sec"}) == "33\n");
  CHECK(has(ctl_out(desktop, {}), "The configuration is not used: " + config));
  const auto sources = ctl_json(desktop, {"policy", "app"}).at("sources");
  CHECK(sources.at("start_after") == "vm");
  CHECK(sources.at("stop_timeout_sec") == "configuration");
  CHECK(sources.at("restart") == "built-in");

  const auto plan = [&](const Arguments& arguments) {
    std::map<std::string, std::pair<unsigned, std::string>> steps;
    for (const auto& step : ctl_json(desktop, arguments))
      steps[step.at("name")] = {step.at("wave").get<unsigned>(), step.at("decision").get<std::string>()};
    return steps;
  };
  auto steps = plan({"plan"});
  CHECK(steps["db"] == std::pair(1U, std::string("start")));
  CHECK(steps["app"] == std::pair(2U, std::string("start")));
  CHECK(steps["odd"] == std::pair(0U, std::string("skip")));
  CHECK(db.state() == "shut off");
  CHECK(ctl_out(desktop, {"start-all"}) == "Everything marked runs.\n");
  CHECK(entered(ctl_json(desktop, {"history", "db"}), "running") <=
        entered(ctl_json(desktop, {"history", "app"}), "starting"));
  CHECK(odd.state() == "shut off");
  CHECK(ctl_out(desktop, {"start", "odd"}) == "odd: started\n");
  for (const auto* guest : {&db, &app}) guest->wait_ready();

  steps = plan({"plan", "stop"});
  CHECK(steps["odd"].second == "poweroff");
  CHECK(steps["db"].second == "shutdown");
  CHECK(steps["app"].first < steps["db"].first);
  CHECK(ctl_out(desktop, {"stop-all"}) == "All VMs are stopped as planned.\n");
  for (const auto* guest : {&db, &app}) {
    INFO(guest->name());
    CHECK(guest->state_with_reason() == "shut off (shutdown)");
    CHECK(guest->count_on_console(kPowerDown) == 1);
  }
  CHECK(odd.state_with_reason() == "shut off (destroyed)");
  const auto stopped = ctl_json(desktop, {"history", "db"});
  CHECK(entered(ctl_json(desktop, {"history", "app"}), "inactive") <= entered(stopped, "inactive"));
  CHECK(has(stopped.dump(), "waits for its turn to be stopped"));

  CHECK(ctl_out(desktop, {"enable", "--now", "db"}) == "db: starts at login from now on, and runs\n");
  db.wait_ready(2);
  CHECK(ctl_out(desktop, {"disable", "--now", "db"}) == "db: does not start at login any more, and is off\n");
  CHECK(db.count_on_console(kPowerDown) == 2);
  CHECK(has(db.must_virsh("dominfo"), "Autostart:      disable"));
}

TEST_CASE("virtsessionctl: monitor sees it all, libvirt's daemon is replaced under running VMs, lingering is set") {
  Desktop desktop;
  desktop.login();
  const auto guest = desktop.define({.name = "a", .policy = R"({"restart": "on-failure", "restart_delay_sec": 0.1})"});
  wait_until_known(desktop, {"a"});
  run_beside(desktop, "monitor", {"/usr/local/bin/virtsessionctl", "monitor", "--json"});
  // It is ready when it sees a change; each round makes one more until then.
  bool on = false;
  wait_until(
      [&] {
        guest.set_autostart(on = !on);
        return has(output_beside(desktop, "monitor"), "\"Autostart\":");
      },
      kSoon, "the monitor sees changes");
  guest.start();
  guest.wait_ready();
  desktop.host().must_exec({"kill", "-9", std::to_string(guest.qemu_pid())});
  guest.wait_ready(2);
  desktop.wait_for("a", "Phase", "running");

  const auto pid = guest.qemu_pid();
  const auto libvirt = desktop.main_pid(kLibvirtUnit);
  CHECK(ctl_out(desktop, {"restart-libvirt"}).starts_with(kLibvirtDaemon + " "));
  CHECK(desktop.main_pid(kLibvirtUnit) != libvirt);
  CHECK(guest.qemu_pid() == pid);
  CHECK(guest.state() == "running");
  CHECK(ctl_out(desktop, {"show", "a", "--property", "Phase"}) == "running\n");
  desktop.systemctl({"restart", "virtsessiond"});
  desktop.wait_ready();
  desktop.wait_for("a", "Phase", "running");
  CHECK(ctl_out(desktop, {"poweroff", "a"}) == "a: powered off\n");
  wait_for_output(desktop, "monitor", R"("PhaseReason":"powered off")");
  desktop.systemctl({"kill", "--signal=INT", "monitor"});
  wait_until(
      [&] {
        return desktop.systemctl({"show", "-P", "SubState", "monitor"}) == "exited";
      },
      kSoon, "Ctrl-C ends the monitor");
  Arguments seen;
  std::istringstream lines(output_beside(desktop, "monitor"));
  for (std::string line; std::getline(lines, line);) {
    const auto event = json::parse(line);
    if (event.at("event").get<std::string>().starts_with("daemon-")) seen.push_back(event.at("event"));
    if (event.at("name") != "a" || !event.at("properties").contains("Phase")) continue;
    if (event.at("event") == "changed") seen.push_back(event.at("properties").at("Phase"));
  }
  const auto follows = [&](const Arguments& expected) {
    auto at = seen.begin();
    return std::ranges::all_of(expected, [&](const std::string& one) {
      at = std::find(at, seen.end(), one);
      return at != seen.end() && (++at, true);
    });
  };
  INFO(command_line(seen));
  CHECK(follows({"running", "starting", "running", "unknown", "running", "daemon-stopped", "daemon-started", "stopping",
                 "inactive"}));

  desktop.host().write_file("/etc/polkit-1/rules.d/10-linger.rules",
                            "polkit.addRule(function(action) {\n"
                            "  if (action.id == 'org.freedesktop.login1.set-self-linger') return polkit.Result.YES;\n"
                            "});\n");
  const auto lingers = [&] { return desktop.host().must_exec({"loginctl", "show-user", "-P", "Linger", kUser}); };
  CHECK(lingers() == "no");
  wait_until([&] { return ctl(desktop, {"linger", "on"}).succeeded(); }, kSoon, "polkit has read its rules");
  CHECK(lingers() == "yes");
  CHECK(ctl_json(desktop, {"linger"}) == json{{"linger", true}});
  CHECK(has(ctl_out(desktop, {"linger", "off"}), "are stopped when you log out"));
  CHECK(lingers() == "no");
}
