// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/backoff.hpp"
#include "core/conditions.hpp"
#include "core/history.hpp"
#include "core/restart.hpp"
#include "world.hpp"

#include <doctest/doctest.h>

using namespace virtsession;
using namespace std::chrono_literals;

TEST_CASE("conditions: what is not met is named, and what is not known is not met") {
  Policy none;
  Policy ac;
  ac.start_if_ac_power = true;
  Policy graphical;
  graphical.start_if_graphical = true;
  Policy memory;
  memory.start_if_free_memory_mib = 1000;
  Policy paths;
  paths.start_if_paths = {"/a", "/b"};
  Policy units;
  units.after_units = {"nbd.service"};
  Policy both = ac;
  both.start_if_paths = {"/a"};
  const PathFacts there{.exists = true};
  const PathFacts empty{.exists = true, .is_mount_point = true};
  const PathFacts mounted{.exists = true, .mounted = true, .is_mount_point = true};
  struct Row {
    std::string what;
    Policy policy;
    HostFacts facts;
    std::uint64_t reserved;
    std::string text;
  };
  const std::vector<Row> rows = {
      {"nothing asked, nothing known", none, {}, 0, ""},
      {"AC power not known", ac, {}, 0, "waits for AC power"},
      {"on battery", ac, {.on_ac_power = false}, 0, "waits for AC power"},
      {"on AC power", ac, {.on_ac_power = true}, 0, ""},
      {"no desktop", graphical, {.graphical_session = false}, 0, "waits for a graphical session"},
      {"desktop", graphical, {.graphical_session = true}, 0, ""},
      {"memory not known", memory, {}, 0, "waits for 1000 MiB of free memory (now 0 MiB)"},
      {"just enough", memory, {.available_memory_mib = 1000}, 0, ""},
      {"one too few", memory, {.available_memory_mib = 999}, 0, "waits for 1000 MiB of free memory (now 999 MiB)"},
      {"others will take it",
       memory,
       {.available_memory_mib = 1500},
       501,
       "waits for 1000 MiB of free memory (now 999 MiB)"},
      {"others will take more than there is",
       memory,
       {.available_memory_mib = 10},
       501,
       "waits for 1000 MiB of free memory (now 0 MiB)"},
      {"one of two paths", paths, {.paths = {{"/a", there}, {"/b", {}}}}, 0, "/b does not exist"},
      {"paths not known", paths, {}, 0, "waits for path /a, path /b"},
      {"a unit not known", units, {}, 0, "waits for nbd.service to be active"},
      {"a unit that is not active",
       units,
       {.units = {{"nbd.service", false}}},
       0,
       "waits for nbd.service to be active"},
      {"a unit that is active", units, {.units = {{"nbd.service", true}}}, 0, ""},
      {"both paths", paths, {.paths = {{"/a", there}, {"/b", there}}}, 0, ""},
      {"a path that hangs", paths, {.paths = {{"/a", there}, {"/b", {.answers = false}}}}, 0, "/b does not answer"},
      {"a mount point",
       paths,
       {.paths = {{"/a", empty}, {"/b", {}}}},
       0,
       "nothing is mounted at /a; /b does not exist"},
      {"a mount", paths, {.paths = {{"/a", mounted}, {"/b", there}}}, 0, ""},
      {"power and a path", both, {.paths = {{"/a", {}}}}, 0, "waits for AC power; /a does not exist"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.what);
    const auto unmet = unmet_conditions(row.policy, row.policy.start_if_free_memory_mib, row.facts, row.reserved);
    CHECK(to_text(unmet) == row.text);
    CHECK(unmet.empty() == row.text.empty());
  }
}

TEST_CASE("conditions: only what somebody waits for is watched") {
  WantedFacts wanted;
  add_wanted(wanted, Policy{});
  CHECK(wanted == WantedFacts{});
  Policy first;
  first.start_if_paths = {"/a"};
  first.start_if_free_memory_mib = 1;
  Policy second;
  second.start_if_paths = {"/a", "/b"};
  second.start_if_ac_power = true;
  add_wanted(wanted, first);
  add_wanted(wanted, second);
  CHECK(wanted == WantedFacts{true, false, true, {"/a", "/b"}});
}

TEST_CASE("back-off: waits double from the first to the last, each varied by up to a fifth") {
  for (std::uint32_t seed = 1; seed < 200; ++seed) {
    CAPTURE(seed);
    Backoff backoff(seed);
    for (std::uint32_t attempt = 0; attempt < 40; ++attempt) {
      const double nominal = attempt < 6 ? 1.0 * (1 << attempt) : 60;
      const auto wait = std::chrono::duration<double>(backoff.wait(attempt, 1s, 60s)).count();
      CHECK(wait >= nominal * 0.799);
      CHECK(wait <= nominal * 1.201);
    }
  }
}

TEST_CASE("back-off: odd settings give waits that can be waited for") {
  Backoff backoff(1);
  CHECK(backoff.wait(0, 0s, 60s) == Duration::zero());
  CHECK(backoff.wait(4000000000U, 0s, 0s) == Duration::zero());
  CHECK(backoff.wait(4000000000U, 24h, 24h) <= 29h);
  CHECK_MESSAGE(backoff.wait(0, 10s, 1s) >= 8s, "a last wait below the first does not shorten the first");
  CHECK(backoff.wait(0, 1s, 60s) != backoff.wait(0, 1s, 60s));
}

TEST_CASE("restart budget: so many within the window, and again when it has moved on") {
  Policy policy;
  policy.restart_limit = 3;
  policy.restart_window_sec = 100;
  RestartBudget budget;
  const SteadyTime start{1h};
  CHECK(budget.take(policy, start));
  CHECK(budget.take(policy, start + 50s));
  CHECK(budget.take(policy, start + 60s));
  CHECK(budget.used(policy, start + 60s) == 3);
  CHECK_FALSE(budget.take(policy, start + 99s));
  CHECK_MESSAGE(budget.take(policy, start + 100s), "the first is out of the window");
  CHECK_FALSE(budget.take(policy, start + 101s));
  CHECK(budget.used(policy, start + 10h) == 0);
  budget.reset();
  CHECK(budget.take(policy, start + 101s));
}

TEST_CASE("restart budget: a limit of 0 allows none, and a changed limit counts at once") {
  Policy policy;
  policy.restart_limit = 0;
  RestartBudget budget;
  CHECK_FALSE(budget.take(policy, SteadyTime{}));
  policy.restart_limit = 2;
  CHECK(budget.take(policy, SteadyTime{}));
  CHECK(budget.take(policy, SteadyTime{}));
  policy.restart_limit = 1;
  CHECK_FALSE(budget.take(policy, SteadyTime{}));
}

namespace {

HistoryEntry entry(std::uint64_t time, const std::string& uuid) {
  return {time, uuid, uuid, Phase::running, "started", "login"};
}

Strings times(const std::vector<HistoryEntry>& entries) {
  Strings result;
  for (const auto& one : entries) result.push_back(one.uuid + std::to_string(one.time_usec));
  return result;
}

}  // namespace

TEST_CASE("history: the newest entries of each VM are kept, oldest first") {
  History history(3);
  for (std::uint64_t i = 1; i <= 5; ++i) {
    history.add(entry(i, "a"));
    if (i == 4) history.add(entry(1, "b"));  // a clock that was set back
  }
  CHECK(times(history.entries("a", 0)) == Strings{"a3", "a4", "a5"});
  CHECK(times(history.entries("", 0)) == Strings{"a3", "a4", "b1", "a5"});
  CHECK(times(history.entries("", 2)) == Strings{"b1", "a5"});
  CHECK(times(history.entries("a", 100)) == Strings{"a3", "a4", "a5"});
  CHECK(history.entries("nosuch", 0).empty());
}

TEST_CASE("history: a smaller size drops the oldest at once, a larger one is filled") {
  History history(3);
  for (std::uint64_t i = 1; i <= 3; ++i) history.add(entry(i, "a"));
  history.set_size(1);
  CHECK(times(history.entries("a", 0)) == Strings{"a3"});
  history.set_size(2);
  history.add(entry(4, "a"));
  CHECK(times(history.entries("a", 0)) == Strings{"a3", "a4"});
}

TEST_CASE("history: VMs that come and go for ever do not fill the memory") {
  History history(5);
  for (std::uint64_t i = 1; i <= 5000; ++i) history.add(entry(i, "vm" + std::to_string(i)));
  CHECK(history.entries("", 0).size() == 4096);
  CHECK(history.entries("vm1", 0).empty());
  CHECK(history.entries("vm5000", 0).size() == 1);
}
