// SPDX-License-Identifier: LGPL-2.1-or-later
// Logs a user out and in again, then reboots the host, over and over, with guests that run, boot, refuse to shut down
// or are saved, and prints the reliability table of contrib/docs/numbers.md: how every run of every guest ended.
#include "e2e/desktop.hpp"
#include "fault/settings.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <random>
#include <sstream>
#include <thread>

using namespace virtsession;
using namespace virtsession::test;

namespace {

using Clock = std::chrono::steady_clock;

/// How the runs of one guest ended, by libvirt's own log of the domain.
struct Ends {
  std::size_t starts = 0, shut_down = 0, saved = 0, other = 0;
};

struct Totals {
  int cycles = 0;
  Ends clean, stubborn;  ///< guests that obey the power button or are saved by policy; those that ignore it
  double longest_stop_sec = 0;
  int past_budget = 0;
};

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t found = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + what.size())) ++found;
  return found;
}

Ends ends_of(Desktop& desktop, const Guest& guest) {
  const auto log =
      desktop.host().read_file("/home/alice/.cache/libvirt/qemu/log/" + guest.name() + ".log").value_or("");
  Ends ends;
  ends.starts = count(log, ": starting up libvirt version");
  ends.shut_down = count(log, "shutting down, reason=shutdown");
  ends.saved = count(log, "shutting down, reason=saved");
  // What has no end in the log was ended behind libvirt's back.
  ends.other = ends.starts - ends.shut_down - ends.saved;
  return ends;
}

struct Actor {
  Guest guest;
  bool stubborn;
};

/// Five guests of three orders: three obey their power button, one by its agent; one is saved; one ignores everything
/// and is saved in the end.
std::vector<Actor> define_guests(Desktop& desktop) {
  const auto policy = [](int order, const std::string& more) {
    return R"({"start_order": )" + std::to_string(order) + more + "}";
  };
  std::vector<Actor> actors;
  actors.push_back({desktop.define({.name = "db", .policy = policy(10, "")}), false});
  actors.push_back({desktop.define({.name = "app", .policy = policy(20, "")}), false});
  actors.push_back({desktop.define({.name = "web", .system = System::agent, .policy = policy(30, "")}), false});
  actors.push_back({desktop.define({.name = "kept", .policy = policy(20, R"(, "stop_actions": ["save"])")}), false});
  actors.push_back(
      {desktop.define(
           {.name = "stubborn", .system = System::stubborn, .policy = policy(20, R"(, "stop_timeout_sec": 5)")}),
       true});
  for (const auto& actor : actors) actor.guest.set_autostart(true);
  return actors;
}

/// What systemd says when it had to go past its patience with us.
int timeouts(Desktop& desktop) {
  const auto journal = desktop.host().journal({"--output=cat", "_COMM=systemd"});
  int found = 0;
  std::istringstream lines(journal);
  for (std::string line; std::getline(lines, line);) {
    const bool ours = line.starts_with("virtsessiond") || line.starts_with("user@") || line.starts_with("virtsession-");
    if (ours && (line.find("timed out") != std::string::npos || line.find("'timeout'") != std::string::npos)) ++found;
  }
  return found;
}

Totals run_cycles(int cycles, bool reboot) {
  Desktop desktop;
  desktop.login();
  const auto actors = define_guests(desktop);
  desktop.logout();
  std::minstd_rand random(7);
  std::uniform_int_distribution<int> wait_ms(0, 12000);
  Totals totals;
  for (int cycle = 1; cycle <= cycles; ++cycle) {
    desktop.login();
    // Some cycles end while guests boot, others long after.
    std::this_thread::sleep_for(std::chrono::milliseconds(wait_ms(random)));
    const auto begin = Clock::now();
    if (reboot)
      desktop.reboot();
    else
      desktop.logout();
    const auto took = std::chrono::duration<double>(Clock::now() - begin).count();
    totals.longest_stop_sec = std::max(totals.longest_stop_sec, took);
    std::cerr << fmt::format("{} {}: {:.1f} s\n", reboot ? "reboot" : "logout", cycle, took);
  }
  totals.cycles = cycles;
  totals.past_budget = timeouts(desktop);
  for (const auto& actor : actors) {
    const auto ends = ends_of(desktop, actor.guest);
    auto& sum = actor.stubborn ? totals.stubborn : totals.clean;
    sum.starts += ends.starts;
    sum.shut_down += ends.shut_down;
    sum.saved += ends.saved;
    sum.other += ends.other;
    CHECK(actor.guest.console().find("Kernel panic") == std::string::npos);
  }
  return totals;
}

void print(const char* name, const Totals& totals) {
  std::cout << fmt::format("| {} | {} | {} | {} | {} | {} | {} | {:.0f} s | {} |\n", totals.cycles, name,
                           totals.clean.starts, totals.clean.shut_down, totals.clean.saved, totals.clean.other,
                           fmt::format("{} of {} saved", totals.stubborn.saved, totals.stubborn.starts),
                           totals.longest_stop_sec, totals.past_budget);
  CHECK(totals.clean.other == 0);
  CHECK(totals.stubborn.other == 0);
  CHECK(totals.past_budget == 0);
}

}  // namespace

TEST_CASE("no guest that could end cleanly is killed, and no cycle passes its budget") {
  const auto logouts = run_cycles(setting("FAULT_LOGOUTS", 3, 50), false);
  const auto reboots = run_cycles(setting("FAULT_REBOOTS", 2, 20), true);
  std::cout << "| cycles | what | runs of guests that obey or are saved | shut down | saved | killed | runs of a guest "
               "that ignores its button | longest | past the budget |\n|---|---|---|---|---|---|---|---|---|\n";
  print("logouts", logouts);
  print("host reboots", reboots);
}
