// SPDX-License-Identifier: LGPL-2.1-or-later
// Logs a user out and in again, then reboots the host, over and over, with ten kinds of guests, and prints the
// reliability tables of contrib/docs/numbers.md: how every run of every guest ended. FAULT_LOGOUTS=N, FAULT_REBOOTS=N.
#include "fault/kinds.hpp"
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

/// How often systemd had to go past its patience with us.
int count_timeouts(Desktop& desktop) {
  const auto journal = desktop.host().journal({"--output=cat", "_COMM=systemd"});
  int found = 0;
  std::istringstream lines(journal);
  for (std::string line; std::getline(lines, line);) {
    const bool ours = line.starts_with("virtsessiond") || line.starts_with("user@") || line.starts_with("virtsession-");
    if (ours && (line.find("timed out") != std::string::npos || line.find("'timeout'") != std::string::npos)) ++found;
  }
  return found;
}

void run_cycles(int cycles, bool reboot) {
  if (cycles == 0) return;
  Desktop desktop;
  desktop.login();
  Kinds kinds(desktop);
  desktop.logout();
  std::minstd_rand random(7);
  std::uniform_int_distribution<int> wait_ms(0, 6000);
  double longest_sec = 0;
  for (int cycle = 1; cycle <= cycles; ++cycle) {
    note_progress();
    kinds.before_login();
    desktop.login();
    // Some cycles end while others boot, too.
    kinds.prepare([&] { std::this_thread::sleep_for(std::chrono::milliseconds(wait_ms(random))); });
    const auto begin = Clock::now();
    reboot ? desktop.reboot() : desktop.logout();
    const auto took = std::chrono::duration<double>(Clock::now() - begin).count();
    longest_sec = std::max(longest_sec, took);
    kinds.count();
    std::cerr << fmt::format("{} {}: {:.1f} s, {} guests lost\n", reboot ? "reboot" : "logout", cycle, took,
                             kinds.problems().size());
  }
  kinds.print(fmt::format("{} {}", cycles, reboot ? "host reboots" : "logouts"));
  const auto timeouts = count_timeouts(desktop);
  std::cout << fmt::format("\nThe longest took {:.0f} s{}; {} passed the budget.\n\n", longest_sec,
                           reboot ? " with the next boot" : "", timeouts);
  for (const auto& problem : kinds.problems()) FAIL_CHECK(problem);
  CHECK(timeouts == 0);
}

}  // namespace

TEST_CASE("no guest that could end cleanly is killed at a logout, and none passes its budget") {
  run_cycles(setting("FAULT_LOGOUTS", 3, 50), false);
}

TEST_CASE("no guest that could end cleanly is killed at a reboot, and none passes its budget") {
  run_cycles(setting("FAULT_REBOOTS", 2, 20), true);
}
