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

/// A VM with its times, of a name of its own.
StopLeft left_of(StopTime to_come, StopTime under_way = {}, Duration had = {}, Duration given = {}) {
  static int count = 0;
  return {"vm" + std::to_string(++count), to_come, under_way, had, given};
}

StopLeft guessed(StopLeft left) {
  left.save_is_guessed = true;
  return left;
}

constexpr StopTime kPatience{60s, 0s, 0s}, kSave{0s, 10s, 0s}, kPowerOff{0s, 0s, 3s};

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
  CHECK(sec(plan[0].time.save) == doctest::Approx(2));
  CHECK(sec(plan[0].time.need) == doctest::Approx(3));
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
    double timeout_sec, patience_sec, save_sec, need_sec;
  };
  constexpr std::uint64_t kGib = 1024 * 1024;
  const Row rows[] = {
      {StopAction::shutdown, false, 60, 60, 0, 0}, {StopAction::shutdown, true, 60, 60, 0, 0},
      {StopAction::save, false, 60, 50, 10, 0},    {StopAction::save, true, 60, 0, 10, 0},
      {StopAction::save, false, 4, 0, 4, 0},       {StopAction::save, true, 4, 0, 10, 0},
      {StopAction::poweroff, false, 60, 0, 0, 3},  {StopAction::poweroff, true, 60, 0, 0, 3},
      {StopAction::leave, true, 60, 0, 0, 0},
  };
  for (const auto& row : rows) {
    CAPTURE(to_text(row.action));
    CAPTURE(row.last);
    const auto time = stop_time(row.action, row.last, row.timeout_sec, save_time(kGib, 0));
    CHECK(sec(time.patience) == doctest::Approx(row.patience_sec));
    CHECK(sec(time.save) == doctest::Approx(row.save_sec));
    CHECK(sec(time.need) == doctest::Approx(row.need_sec));
  }
}

TEST_CASE("stop time: a save that is as fast as the last one takes no longer than is planned for it") {
  for (const auto took : {0s, 1s, 3s, 4s, 5s, 30s, 600s}) {
    CAPTURE(took.count());
    CHECK(save_time(4'000'000, save_speed(4'000'000, took)) >= took);
  }
  CHECK(sec(save_time(8'000'000, save_speed(4'000'000, 22s))) == doctest::Approx(42));
  CHECK(save_speed(4'000'000, 0s) == 0);
  CHECK(save_speed(0, 1s) == 0);
}

TEST_CASE("stop fit: how times are cut to a budget when it is known how fast saves are") {
  using Waves = std::map<std::uint32_t, std::vector<StopLeft>>;
  struct Row {
    std::string what;
    Waves left;
    std::int64_t parallel;
    double budget_sec;
    double patience;
    std::size_t unsaved;
  };
  const auto one = [](StopTime time) { return left_of(time); };
  const StopTime both{60s, 10s, 0s}, all{60s, 10s, 3s};
  const std::vector<Row> rows = {
      {"nothing to be done", {}, 8, 0, 1, 0},
      {"it fits", {{1, {one(both)}}}, 8, 70, 1, 0},
      {"it fits: one waits while the other is saved", {{1, {one(kPatience), one(kSave)}}}, 8, 60, 1, 0},
      {"patience is cut, and leaves a second", {{1, {one(both)}}}, 8, 41, 0.5, 0},
      {"waves come one after the other", {{1, {one(kPatience)}}, {2, {one(kPatience)}}}, 8, 61, 0.5, 0},
      {"those of one wave together", {{1, {one(kPatience), one(kPatience), one(kPatience)}}}, 8, 60, 1, 0},
      {"as many as may be at once", {{1, {one(kPatience), one(kPatience), one(kPatience)}}}, 2, 61, 0.5, 0},
      {"one after the other", {{1, {one(kPatience), one(kSave), one(kSave)}}}, 1, 80, 1, 0},
      {"the long one while the others take turns", {{1, {one(kPatience), one(kSave), one(kSave)}}}, 2, 70, 1, 0},
      {"all are saved, and nobody is waited for", {{1, {one(both)}}, {2, {one(both)}}}, 8, 20, 0, 0},
      {"two are saved, not three a little", {{1, {one(all)}}, {2, {one(all)}}, {3, {one(all)}}}, 8, 23.5, 0, 1},
      {"a save for which there is no time gets what there is", {{1, {one(kSave)}}}, 8, 5, 0.475, 1},
      {"a second is a twentieth at most", {{1, {one(kPatience)}}}, 8, 10, 9.5 / 60, 0},
      {"what was given is not cut", {{1, {left_of(kPatience, {}, 0s, 30s)}}}, 8, 61, 0.5, 0},
      {"no power-off follows a save", {{1, {one(all)}}, {2, {one(all)}}}, 8, 20.5, 0, 0},
      {"what was given is too much", {{1, {left_of({60s, 3s, 0s}, {}, 0s, 30s)}}}, 8, 20, 0, 1},
      {"what is under way had a part of its time", {{1, {left_of({}, kPatience, 20s, 0s)}}}, 8, 11, 0.5075, 0},
      {"no time", {{1, {one(both)}}}, 8, 0, 0, 1},
      {"less than none", {{1, {one(both)}}}, 8, -5, 0, 1},
  };
  for (const auto& row : rows) {
    CAPTURE(row.what);
    const auto fit = fit_stops(row.left, row.parallel, from_seconds(row.budget_sec));
    CHECK(fit.patience == doctest::Approx(row.patience).epsilon(0.001));
    CHECK(fit.unsaved.size() == row.unsaved);
  }
  const auto last = fit_stops({{1, {{"a", all}}}, {2, {{"b", all}}}, {3, {{"c", all}}}}, 8, 28s);
  CHECK(last.unsaved == std::set<std::string>{"c"});  // there may be more time by then
  const auto large = fit_stops({{1, {{"a", {0s, 25s, 3s}}}}, {2, {{"b", all}}}, {3, {{"c", all}}}}, 8, 40s);
  CHECK(large.unsaved == std::set<std::string>{"a"});
}

TEST_CASE("stop fit: no VM is given up for a guess") {
  struct Row {
    std::string what;
    StopTime each;
    std::uint32_t waves;
    double budget_sec, patience, need;
  };
  const StopTime both{60s, 10s, 0s}, all{60s, 7s, 3s};
  const Row rows[] = {
      {"it fits", both, 1, 70, 1, 1},
      {"patience is cut, and needs are not", both, 1, 41, 0.5, 1},
      {"needs are given whole as long as they fit", both, 1, 10.5, 0, 1},
      {"needs leave a third", both, 1, 9, 2.55 / 60, 0.6},
      {"needs are cut in the same way for all", all, 3, 27, 8.0 / 180, 0.6},
      {"no time", both, 1, 0, 0, 0},
      {"less than none", both, 1, -5, 0, 0},
  };
  for (const auto& row : rows) {
    CAPTURE(row.what);
    std::map<std::uint32_t, std::vector<StopLeft>> left;
    for (std::uint32_t wave = 1; wave <= row.waves; ++wave) left[wave].push_back(guessed(left_of(row.each)));
    const auto fit = fit_stops(left, 8, from_seconds(row.budget_sec));
    CHECK(fit.patience == doctest::Approx(row.patience).epsilon(0.001));
    CHECK(fit.need == doctest::Approx(row.need).epsilon(0.001));
    CHECK(fit.unsaved.empty());
  }
}

TEST_CASE("stop fit: what was cut fits, and is not cut without need") {
  std::mt19937 random(9);
  const auto some = [&](unsigned most) { return std::chrono::seconds(random() % (most + 1)); };
  for (int round = 0; round < 300; ++round) {
    CAPTURE(round);
    std::map<std::uint32_t, std::vector<StopLeft>> left;
    for (auto i = 1 + random() % 12; i > 0; --i)
      left[static_cast<std::uint32_t>(1 + random() % 3)].push_back(
          left_of({some(100), some(20), some(3)}, {}, 0s, random() % 4 ? 0s : some(5)));
    if (round % 2 == 1)
      for (auto& [wave, vms] : left)
        for (auto& vm : vms) vm.save_is_guessed = true;
    const auto parallel = 1 + static_cast<std::int64_t>(random() % 4);
    const Duration budget = some(400);
    const auto takes = [&](const StopFit& fit) {
      Duration sum{};
      for (const auto& [wave, vms] : left) {
        // Each begins as soon as there is room, in the order in which they stand.
        std::vector<Duration> rooms(static_cast<std::size_t>(parallel));
        for (const auto& vm : vms) *std::ranges::min_element(rooms) += fit.of(vm);
        sum += std::ranges::max(rooms);
      }
      return sum;
    };
    const auto fit = fit_stops(left, parallel, budget);
    if (fit.patience > 0) CHECK(takes(fit) <= budget);
    Duration serial{};
    for (const auto& [wave, vms] : left)
      for (const auto& vm : vms) serial += StopFit{}.of(vm);
    if (serial <= budget) CHECK((fit.patience == 1 && fit.unsaved.empty()));
    const bool is_cut = fit.patience > 0 && fit.patience < 1;  // it may be enough that no power-off follows a save
    if (parallel == 1 && serial > budget && is_cut)
      CHECK(sec(takes(fit)) == doctest::Approx(sec(budget) - std::min(1.0, sec(budget) / 20)).epsilon(0.001));
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
