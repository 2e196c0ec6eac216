// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/stop_plan.hpp"
#include "world.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>

using namespace virtsession;
using namespace std::chrono_literals;

// The example of contrib/docs/stopping.md: what the page says is what happens.

namespace stopping_page {
namespace {

std::string page() {
  std::ifstream file(std::filesystem::path(VIRTSESSION_DOCS_DIR) / "stopping.md");
  REQUIRE(file.good());
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// In one line, so that a sentence is found however it is wrapped.
std::string squeezed(const std::string& text) {
  std::istringstream words(text);
  std::string line, word;
  while (words >> word) line += (line.empty() ? "" : " ") + word;
  return line;
}

void check_says(const std::string& text) {
  CAPTURE(text);
  CHECK(squeezed(page()).find(squeezed(text)) != std::string::npos);
}

double sec(Duration duration) { return std::chrono::duration<double>(duration).count(); }

/// With one digit behind the point, where it is not zero.
std::string number(double value) {
  std::ostringstream text;
  text.precision(1);
  text << std::fixed << value;
  auto rounded = text.str();
  if (rounded.ends_with(".0")) rounded.resize(rounded.size() - 2);
  return rounded;
}

std::string number(Duration duration) { return number(sec(duration)); }

struct Example {
  const char* name;
  std::uint64_t memory_gib;
  Strings after;
};

const Example kExample[] = {{"web", 1, {"db"}}, {"win", 4, {}}, {"db", 2, {}}};
const std::vector<StopAction> kDefault{StopAction::shutdown, StopAction::save, StopAction::poweroff};
constexpr std::uint64_t kKibPerGib = 1024 * 1024;

Duration budget() { return stop_budget(110s, 120s); }

std::vector<PlannedStop> planned() {
  std::vector<StopNode> nodes;
  for (const auto& vm : kExample)
    nodes.push_back({vm.name, vm.name, {}, 0, vm.after, kDefault, 60, save_time(vm.memory_gib * kKibPerGib, 0)});
  return plan_stops(nodes);
}

World three(Duration save_takes) {
  World world;
  for (const auto& vm : kExample)
    world.define(vm.name, {.policy = {{"start_after", vm.after}},
                           .running = true,
                           .memory_mib = vm.memory_gib * 1024,
                           .agent_channel = false});
  world.domain("web").shutdown_takes = 4s;
  world.domain("db").shutdown_takes = 6s;
  world.domain("win").ignores_shutdown = true;
  world.domain("win").save_takes = save_takes;
  world.connect();
  world.pass(600);  // none of them boots any more
  return world;
}

struct Course {
  std::map<std::string, double> at;         ///< "save win", "off web": when first, in seconds from the begin
  std::map<std::string, std::string> bars;  ///< by name, a letter for each step: what is being done to the VM then
};

/// Ends the session, and looks on. \param step seconds for a letter
Course follow(World& world, int step) {
  Course course;
  std::size_t seen = 0;
  const auto look = [&](double time) {
    for (; seen < world.stops().size(); ++seen) course.at.emplace(world.stops()[seen], time);
    for (const auto& name : world.names())
      if (!world.running(name)) course.at.emplace("off " + name, time);
  };
  world.end_session(sec(budget()));
  world.pass(0);
  int tenths = 0;
  for (; tenths < 1200 && !world.supervisor().session_over(); ++tenths, world.pass(0.1)) {
    look(tenths / 10.0);
    if (tenths % (step * 10) != 0) continue;
    for (const auto& name : world.names()) {
      const auto phase = world.phase(name);
      course.bars[name] += !world.running(name) || course.at.empty() ? ' '
                           : !course.at.contains("button " + name)   ? '.'
                           : phase == "saving"                       ? '#'
                                                                     : '=';
    }
  }
  look(tenths / 10.0);
  for (auto& [name, bar] : course.bars) bar.resize(bar.find_last_not_of(' ') + 1);
  return course;
}

std::string line_of(const Course& course, const std::string& name) {
  auto label = name + std::string(8 - name.size(), ' ');
  return label + course.bars.at(name) + "\n";
}

}  // namespace

TEST_CASE("stopping.md: the budget, and the last call") {
  check_says("108 s by default");
  CHECK(number(budget()) == "108");
  CHECK(number(until_last_call(budget())) == "103");
  check_says("The last call comes after 103 s");
}

TEST_CASE("stopping.md: the times of the three VMs") {
  const auto plan = planned();
  for (const auto& vm : kExample) {
    const auto stop = std::ranges::find(plan, std::string(vm.name), &PlannedStop::uuid);
    CHECK(stop->wave == (stop->uuid == "db" ? 2 : 1));
    check_says("| `" + stop->uuid + "` | " + std::to_string(vm.memory_gib) + " GiB | " +
               number(save_time(vm.memory_gib * kKibPerGib, 0)) + " s | " + number(stop->time.patience) + " s | " +
               number(stop->time.save + stop->time.need) + " s |");
    CHECK(number(StopShare{}.of(stop->time)) == "123");
  }
  check_says("123 s");
}

TEST_CASE("stopping.md: what the plan shows") {
  std::map<std::uint32_t, std::vector<StopLeft>> left;
  for (const auto& stop : planned())
    left[stop.wave].push_back({.uuid = stop.uuid, .to_come = stop.time, .save_is_guessed = true});
  const auto fit = fit_stops(left, Config().stop_parallel, until_last_call(budget()));
  CHECK(fit.unsaved.empty());
  CHECK(std::round(fit.patience * 1000) == 234);
  check_says("The factor is 0.234");
  CHECK(number(fit.patience * 60) == "14");
  check_says("14 s to shut down instead of 60 s");
  auto world = three(20s);
  for (const auto& step : world.supervisor().plan_stop(budget()))
    check_says("| " + step.name + " | " + std::to_string(step.wave) + " | " + step.reason + " |");
}

TEST_CASE("stopping.md: what happens") {
  auto world = three(20s);
  const auto course = follow(world, 1);
  for (const auto& vm : kExample) {
    CAPTURE(line_of(course, vm.name));
    CHECK(page().find(line_of(course, vm.name)) != std::string::npos);
  }
  check_says("| " + number(course.at.at("button win")) + " s | `web` and `win` are asked");
  check_says("| " + number(course.at.at("off web")) + " s | `web` is off, `db` is asked");
  check_says("| " + number(course.at.at("off db")) + " s | `db` is off");
  check_says("| " + number(course.at.at("save win")) + " s | `win` is being saved");
  check_says("| " + number(course.at.at("off win")) + " s | `win` is saved");
  check_says(world.journal("", Incident::stopped).back());
}

TEST_CASE("stopping.md: what happens when the save does not end") {
  auto world = three(600s);
  const auto course = follow(world, 2);
  CAPTURE(line_of(course, "win"));
  CHECK(page().find(line_of(course, "win")) != std::string::npos);
  check_says("At " + number(course.at.at("power off win")) + " s the save is aborted");
  check_says(world.journal("win", Incident::forced).back());
}

}  // namespace stopping_page
