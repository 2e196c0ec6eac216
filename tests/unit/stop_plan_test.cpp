// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/stop_plan.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

using namespace virtsession;
using namespace std::chrono_literals;

namespace {

using Strings = std::vector<std::string>;
using Actions = std::vector<StopAction>;

const Actions kDefault{StopAction::shutdown, StopAction::save, StopAction::poweroff};

StopNode stop_node(const std::string& name, std::int64_t start_order = 0, Strings after = {},
                   std::optional<std::int64_t> stop_order = {}) {
  return {"uuid-" + name, name, stop_order, start_order, std::move(after), kDefault, 60, save_time(0, 0)};
}

/// "1 web, 2 app db": the waves with the names in them.
std::string waves(const std::vector<PlannedStop>& plan) {
  std::string text;
  std::uint32_t wave = 0;
  for (const auto& stop : plan) {
    if (stop.wave != wave) text += (text.empty() ? "" : ", ") + std::to_string(wave = stop.wave);
    text += " " + stop.uuid.substr(5);
  }
  return text;
}

double sec(Duration duration) { return std::chrono::duration<double>(duration).count(); }

constexpr StopTime kPatient{60s, 0s, 0s}, kNeedy{0s, 10s, 0s}, kBoth{60s, 10s, 0s};

}  // namespace

TEST_CASE("stop plan: who stops when") {
  struct Row {
    std::string what;
    std::vector<StopNode> nodes;
    std::string waves;
  };
  const std::vector<Row> rows = {
      {"nobody", {}, ""},
      {"equal orders stop together", {stop_node("b"), stop_node("a")}, "1 a b"},
      {"the reverse of the start", {stop_node("a", 30), stop_node("b", -5), stop_node("c", 10)}, "1 a, 2 c, 3 b"},
      {"a stop_order takes the place of the start_order",
       {stop_node("a", 30, {}, 1), stop_node("b", -5, {}, -1), stop_node("c", 10, {}, 0)},
       "1 b, 2 c, 3 a"},
      {"a stop_order stands among the reversed start_orders",
       {stop_node("a", 30), stop_node("b", 0, {}, -20), stop_node("c", 10)},
       "1 a, 2 b, 3 c"},
      {"a chain", {stop_node("web", 0, {"app"}), stop_node("app", 0, {"db"}), stop_node("db")}, "1 web, 2 app, 3 db"},
      {"a diamond",
       {stop_node("top", 0, {"l", "r"}), stop_node("l", 0, {"root"}), stop_node("r", 0, {"root"}), stop_node("root")},
       "1 top, 2 l r, 3 root"},
      {"who is waited for by nobody does not wait either",
       {stop_node("web", 0, {"db"}), stop_node("db"), stop_node("x")},
       "1 web x, 2 db"},
      {"start_after wins over start_order", {stop_node("app", 0, {"db"}), stop_node("db", 9)}, "1 app, 2 db"},
      {"start_after wins over stop_order", {stop_node("app", 0, {"db"}, 9), stop_node("db", 0, {}, 1)}, "1 app, 2 db"},
      {"a later order begins after the last wave of the earlier one",
       {stop_node("a", 2), stop_node("b", 2, {"a"}), stop_node("c", 1)},
       "1 b, 2 a, 3 c"},
      {"names that do not run are no matter", {stop_node("a", 0, {"off", "a2"}), stop_node("a2")}, "1 a, 2 a2"},
      {"a circle of two", {stop_node("a", 0, {"b"}), stop_node("b", 0, {"a"}), stop_node("c", 0, {"a"})}, "1 b c, 2 a"},
      {"itself", {stop_node("a", 0, {"a"})}, "1 a"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.what);
    CHECK(waves(plan_stops(row.nodes)) == row.waves);
  }
}

TEST_CASE("stop plan: it tells for whom a VM waits, and how long its actions take") {
  const auto plan = plan_stops({stop_node("web", 0, {"db"}), stop_node("db", 0, {}, -5)});
  REQUIRE(plan.size() == 2);
  CHECK(plan[0].order == plan[1].order);  // what is started after is moved with it
  CHECK(plan[1].before == Strings{"uuid-web"});
  CHECK(sec(plan[0].time.patience) == doctest::Approx(118));
  CHECK(sec(plan[0].time.need) == doctest::Approx(5));
}

TEST_CASE("stop plan: every wave lies after what stops before its VMs, and the orders are kept") {
  std::mt19937 random(5);
  for (int round = 0; round < 100; ++round) {
    CAPTURE(round);
    std::vector<StopNode> nodes;
    const auto count = 1 + random() % 25;
    for (unsigned i = 0; i < count; ++i) {
      Strings after;
      for (auto j = random() % 4; j > 0; --j) after.push_back("vm" + std::to_string(random() % count));
      std::optional<std::int64_t> stop_order;
      if (random() % 3 == 0) stop_order = static_cast<std::int64_t>(random() % 5) - 2;
      nodes.push_back(
          stop_node("vm" + std::to_string(i), static_cast<std::int64_t>(random() % 3), std::move(after), stop_order));
    }
    const auto plan = plan_stops(nodes);
    CHECK(plan.size() == nodes.size());
    std::map<std::string, const PlannedStop*> by_uuid;
    for (const auto& stop : plan) by_uuid[stop.uuid] = &stop;
    for (const auto& stop : plan) {
      CHECK(stop.wave >= 1);
      for (const auto& other : stop.before) CHECK(by_uuid.at(other)->wave < stop.wave);
      for (const auto& other : plan)
        if (other.order < stop.order) CHECK(other.wave < stop.wave);
    }
    std::ranges::shuffle(nodes, random);
    CHECK(waves(plan_stops(nodes)) == waves(plan));
  }
}

TEST_CASE("stop time: each action but the last is waited for, the last takes what it needs") {
  struct Row {
    StopAction action;
    bool last;
    double timeout_sec, patience_sec, need_sec;
  };
  constexpr std::uint64_t kGib = 1024 * 1024;
  const Row rows[] = {
      {StopAction::shutdown, false, 60, 60, 0}, {StopAction::shutdown, true, 60, 60, 0},
      {StopAction::save, false, 60, 50, 10},    {StopAction::save, true, 60, 0, 10},
      {StopAction::save, false, 4, 0, 4},       {StopAction::save, true, 4, 0, 10},
      {StopAction::poweroff, false, 60, 0, 3},  {StopAction::poweroff, true, 60, 0, 3},
      {StopAction::leave, true, 60, 0, 0},
  };
  for (const auto& row : rows) {
    CAPTURE(to_text(row.action));
    CAPTURE(row.last);
    const auto time = stop_time(row.action, row.last, row.timeout_sec, save_time(kGib, 0));
    CHECK(sec(time.patience) == doctest::Approx(row.patience_sec));
    CHECK(sec(time.need) == doctest::Approx(row.need_sec));
    CHECK(time.given == 0s);
  }
}

TEST_CASE("stop fit: how times are cut to a budget") {
  struct Row {
    std::string what;
    std::map<std::uint32_t, std::vector<StopTime>> left;
    std::int64_t parallel;
    double budget_sec;
    double patience, need;
  };
  const std::vector<Row> rows = {
      {"nothing to be done", {}, 8, 0, 1, 1},
      {"it fits", {{1, {kBoth}}}, 8, 70, 1, 1},
      {"it fits: one waits while the other is saved", {{1, {kPatient, kNeedy}}}, 8, 60, 1, 1},
      {"patience is cut, and needs are not", {{1, {kBoth}}}, 8, 40, 0.5, 1},
      {"waves come one after the other", {{1, {kPatient}}, {2, {kPatient}}}, 8, 60, 0.5, 1},
      {"those of one wave together", {{1, {kPatient, kPatient, kPatient}}}, 8, 60, 1, 1},
      {"as many as may be at once", {{1, {kPatient, kPatient, kPatient}}}, 2, 60, 0.5, 1},
      {"one after the other", {{1, {kPatient, kNeedy, kNeedy}}}, 1, 80, 1, 1},
      {"the long one while the others take turns", {{1, {kPatient, kNeedy, kNeedy}}}, 2, 70, 1, 1},
      {"needs leave a third", {{1, {kBoth}}}, 8, 9, 0.05, 0.6},
      {"needs take all when nobody waits", {{1, {kNeedy}}}, 8, 5, 1, 0.5},
      {"what was given is not cut", {{1, {{60s, 0s, 30s}}}}, 8, 60, 0.5, 1},
      {"what was given is too much", {{1, {{60s, 3s, 30s}}}}, 8, 20, 0, 0},
      {"no time", {{1, {kBoth}}}, 8, 0, 0, 0},
      {"less than none", {{1, {kBoth}}}, 8, -5, 0, 0},
  };
  for (const auto& row : rows) {
    CAPTURE(row.what);
    const auto fit = fit_stops(row.left, row.parallel, from_seconds(row.budget_sec));
    CHECK(fit.patience == doctest::Approx(row.patience).epsilon(0.001));
    CHECK(fit.need == doctest::Approx(row.need).epsilon(0.001));
  }
}

TEST_CASE("stop fit: what was cut fits, and is not cut without need") {
  std::mt19937 random(9);
  const auto some = [&](unsigned most) { return std::chrono::seconds(random() % (most + 1)); };
  for (int round = 0; round < 300; ++round) {
    CAPTURE(round);
    std::map<std::uint32_t, std::vector<StopTime>> left;
    for (auto i = 1 + random() % 12; i > 0; --i)
      left[static_cast<std::uint32_t>(1 + random() % 3)].push_back({some(100), some(20), random() % 4 ? 0s : some(5)});
    const auto parallel = 1 + static_cast<std::int64_t>(random() % 4);
    const Duration budget = some(400);
    const auto takes = [&](StopFit fit) {
      Duration sum{};
      for (const auto& [wave, times] : left) {
        // Each begins as soon as there is room, in the order in which they stand.
        std::vector<Duration> rooms(static_cast<std::size_t>(parallel));
        for (const auto& time : times) *std::ranges::min_element(rooms) += fit.of(time);
        sum += std::ranges::max(rooms);
      }
      return sum;
    };
    const auto fit = fit_stops(left, parallel, budget);
    if (fit.patience > 0 || fit.need > 0) CHECK(takes(fit) <= budget);
    Duration serial{};
    for (const auto& [wave, times] : left)
      for (const auto& time : times) serial += StopFit{}.of(time);
    if (serial <= budget) CHECK((fit.patience == 1 && fit.need == 1));
    if (parallel == 1 && serial > budget && fit.patience > 0)
      CHECK(sec(takes(fit)) == doctest::Approx(sec(budget)).epsilon(0.001));
  }
}

TEST_CASE("stop fit: before the deadline there is time for what libvirt does not stop") {
  CHECK(until_last_call(120s) == 115s);
  CHECK(until_last_call(8s) == 6s);
  CHECK(until_last_call(0s) == 0s);
}

TEST_CASE("stop budget: less than what systemd gives, so that what is stopped after us has time too") {
  CHECK(stop_budget(100s, 120s) == 98s);
  CHECK(stop_budget(120s, 100s) == 90s);
  CHECK(stop_budget(5s, std::nullopt) == 4s);
  CHECK(stop_budget(std::nullopt, std::nullopt) == 3590s);
}
