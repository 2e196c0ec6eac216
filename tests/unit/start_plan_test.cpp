// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/start_plan.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

using namespace virtsession;

namespace {

using Strings = std::vector<std::string>;

StartNode node(const std::string& name, std::int64_t order = 0, Strings after = {}, bool starts = true,
               bool active = false) {
  return {"uuid-" + name, name, order, std::move(after), starts, active};
}

/// "1 db, 2 app web": the waves with the names in them.
std::string waves(const std::vector<PlannedStart>& plan) {
  std::string text;
  std::uint32_t wave = 0;
  for (const auto& step : plan) {
    if (step.wave != wave) text += (text.empty() ? "" : ", ") + std::to_string(wave = step.wave);
    text += " " + step.uuid.substr(5);
  }
  return text;
}

Strings problems(const std::vector<PlannedStart>& plan) {
  Strings texts;
  for (const auto& step : plan)
    for (const auto& problem : step.problems)
      texts.push_back(problem.pointer + ": " + problem.text + " [" + std::string(to_text(problem.code)) + "]");
  return texts;
}

}  // namespace

TEST_CASE("plan: who starts when") {
  struct Row {
    std::string what;
    std::vector<StartNode> nodes;
    std::string waves;
  };
  const std::vector<Row> rows = {
      {"nobody", {}, ""},
      {"nobody is marked", {node("a", 0, {}, false)}, ""},
      {"equal orders start together", {node("b"), node("a")}, "1 a b"},
      {"lower orders first", {node("a", 30), node("b", -5), node("c", 10)}, "1 b, 2 c, 3 a"},
      {"a chain", {node("web", 0, {"app"}), node("app", 0, {"db"}), node("db")}, "1 db, 2 app, 3 web"},
      {"a diamond",
       {node("top", 0, {"l", "r"}), node("l", 0, {"root"}), node("r", 0, {"root"}), node("root")},
       "1 root, 2 l r, 3 top"},
      {"a later order begins after the last wave of the earlier one",
       {node("a", 1), node("b", 1, {"a"}), node("c", 2)},
       "1 a, 2 b, 3 c"},
      {"what is started after is pulled forward to the order",
       {node("app", 10, {"db"}), node("db", 50), node("x", 20)},
       "1 db, 2 app, 3 x"},
      {"pulling forward goes along a chain",
       {node("a", 1, {"b"}), node("b", 2, {"c"}), node("c", 3), node("d", 2)},
       "1 c, 2 b, 3 a, 4 d"},
      {"the earliest of several pulls", {node("a", 5, {"z"}), node("b", 1, {"z"}), node("z", 9)}, "1 z, 2 b, 3 a"},
      {"by uuid", {node("app", 0, {"uuid-db"}), node("db")}, "1 db, 2 app"},
      {"what runs is not waited for and not started",
       {node("app", 0, {"db"}), node("db", 0, {}, false, true)},
       "1 app"},
      {"an unmarked one is not waited for", {node("app", 0, {"db"}), node("db", 0, {}, false)}, "1 app"},
      {"a missing one is not waited for", {node("app", 0, {"nosuch"})}, "1 app"},
      {"named twice, by name and by uuid", {node("app", 0, {"db", "db", "uuid-db"}), node("db")}, "1 db, 2 app"},
      {"a circle of one", {node("a", 0, {"a"}), node("b", 0, {"a"})}, "1 a, 2 b"},
      {"a circle of two", {node("a", 0, {"b"}), node("b", 0, {"a"}), node("c", 0, {"a"})}, "1 a b, 2 c"},
      {"a circle of three",
       {node("a", 0, {"b"}), node("b", 0, {"c"}), node("c", 0, {"a", "d"}), node("d")},
       "1 a b d, 2 c"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.what);
    CHECK(waves(plan_starts(row.nodes)) == row.waves);
  }
}

TEST_CASE("plan: what is not waited for is reported with its place") {
  CHECK(problems(plan_starts({node("app", 0, {"x", "db", "off"}), node("db"), node("off", 0, {}, false)})) ==
        Strings{"/start_after/0: start_after names \"x\", and there is no such VM [unknown-vm]",
                "/start_after/2: start_after names \"off\", which is not marked to start [unmarked-vm]"});
  CHECK(problems(plan_starts({node("a", 0, {"a"})})) ==
        Strings{"/start_after: start_after goes round in a circle: \"a\" -> \"a\" [cycle]"});
  CHECK(problems(plan_starts({node("a", 0, {"b"}), node("b", 0, {"a"}), node("c", 0, {"a"})})) ==
        Strings{"/start_after: start_after goes round in a circle: \"a\" -> \"b\" -> \"a\" [cycle]",
                "/start_after: start_after goes round in a circle: \"b\" -> \"a\" -> \"b\" [cycle]"});
  CHECK(problems(plan_starts({node("app", 0, {"db"}), node("db", 0, {}, false, true)})).empty());
}

TEST_CASE("plan: two circles that touch are two reports, and who hangs on them still waits") {
  const auto plan = plan_starts(
      {node("a", 0, {"b"}), node("b", 0, {"a"}), node("c", 0, {"d", "a"}), node("d", 0, {"c"}), node("e", 0, {"c"})});
  CHECK(waves(plan) == "1 a b d, 2 c, 3 e");
  CHECK(problems(plan).size() == 4);
}

TEST_CASE("plan: a name that is another VM's uuid means the name") {
  auto trap = node("uuid-db");
  trap.uuid = "uuid-trap";
  const auto plan = plan_starts({node("app", 0, {"uuid-db"}), node("db"), trap});
  REQUIRE(plan.size() == 3);
  CHECK(plan[2].uuid == "uuid-app");
  CHECK(plan[2].after == Strings{"uuid-trap"});
}

TEST_CASE("plan: a uuid is one in capitals too") {
  StartNode db{"00000000-0000-4000-8000-00000000abcd", "db", 0, {}, true, false};
  const auto plan = plan_starts({node("app", 0, {"00000000-0000-4000-8000-00000000ABCD"}), db});
  CHECK(problems(plan).empty());
  CHECK(plan.back().after == Strings{db.uuid});
}

TEST_CASE("plan: the same VMs give the same plan in whatever order they come") {
  std::mt19937 random(7);
  std::vector<StartNode> nodes;
  for (int i = 0; i < 60; ++i) {
    Strings after;
    for (int j = 0; j < 4; ++j) after.push_back("vm" + std::to_string(random() % 66));
    nodes.push_back(node("vm" + std::to_string(i), static_cast<std::int64_t>(random() % 5), after, random() % 5 != 0,
                         random() % 7 == 0));
  }
  const auto first = plan_starts(nodes);
  for (int round = 0; round < 20; ++round) {
    std::ranges::shuffle(nodes, random);
    const auto plan = plan_starts(nodes);
    REQUIRE(plan.size() == first.size());
    for (std::size_t i = 0; i < plan.size(); ++i) {
      CHECK(plan[i].uuid == first[i].uuid);
      CHECK(plan[i].wave == first[i].wave);
      CHECK(plan[i].order == first[i].order);
      CHECK(plan[i].after == first[i].after);
      CHECK(plan[i].problems == first[i].problems);
    }
  }
}

TEST_CASE("plan: every wave lies after what its VMs wait for, and no order starts before a lower one is through") {
  std::mt19937 random(11);
  for (int round = 0; round < 100; ++round) {
    CAPTURE(round);
    std::vector<StartNode> nodes;
    const auto count = 1 + static_cast<int>(random() % 30);
    for (int i = 0; i < count; ++i) {
      Strings after;
      for (auto j = random() % 4; j > 0; --j)
        after.push_back("vm" + std::to_string(random() % static_cast<unsigned>(count)));
      nodes.push_back(node("vm" + std::to_string(i), static_cast<std::int64_t>(random() % 3), after));
    }
    const auto plan = plan_starts(nodes);
    CHECK(plan.size() == nodes.size());
    std::map<std::string, const PlannedStart*> by_uuid;
    for (const auto& step : plan) by_uuid[step.uuid] = &step;
    for (const auto& step : plan) {
      CHECK(step.wave >= 1);
      for (const auto& dependency : step.after) {
        CHECK(by_uuid.at(dependency)->wave < step.wave);
        CHECK(by_uuid.at(dependency)->order <= step.order);
      }
      for (const auto& other : plan)
        if (other.order < step.order) CHECK(other.wave < step.wave);
    }
  }
}

TEST_CASE("plan: a chain of 20000 VMs does not exhaust the stack") {
  std::vector<StartNode> nodes;
  for (int i = 0; i < 20000; ++i) nodes.push_back(node(std::to_string(i), 0, {std::to_string(i + 1)}));
  nodes.push_back(node("20000"));
  const auto plan = plan_starts(nodes);
  CHECK(plan.front().uuid == "uuid-20000");
  CHECK(plan.back().uuid == "uuid-0");
  CHECK(plan.back().wave == 20001);
}

TEST_CASE("plan: one circle of 5000 VMs is reported and all of them start") {
  std::vector<StartNode> nodes;
  for (int i = 0; i < 5000; ++i) nodes.push_back(node(std::to_string(i), 0, {std::to_string((i + 1) % 5000)}));
  const auto plan = plan_starts(nodes);
  CHECK(plan.back().wave == 1);
  for (const auto& step : plan) {
    CHECK(step.problems.size() == 1);
    CHECK(step.problems[0].text.size() < 300);
  }
}

TEST_CASE("plan: 1000 VMs with 5000 dependencies") {
  std::mt19937 random(3);
  std::vector<StartNode> nodes;
  for (unsigned i = 0; i < 1000; ++i) {
    Strings after;
    for (int j = 0; j < 5 && i > 0; ++j) after.push_back("vm" + std::to_string(random() % i));
    nodes.push_back(node("vm" + std::to_string(i), static_cast<std::int64_t>(random() % 10), after));
  }
  const auto plan = plan_starts(nodes);
  CHECK(plan.size() == 1000);
  CHECK(problems(plan).empty());
}
