// SPDX-License-Identifier: LGPL-2.1-or-later
#include "world.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace virtsession;

// "Everything that should run does" is said by the rule of the plan.

namespace {

const std::string kAllRun = "everything that should run does";

std::string reason_of(World& world) { return world.supervisor().autostart_reason(); }

/// What a start of all would start.
Strings plan_of(World& world) {
  Strings names;
  for (const auto& step : world.supervisor().plan_start({}))
    if (step.decision != "skip") names.push_back(step.name);
  return names;
}

}  // namespace

TEST_CASE("autostart reason: not all runs while the plan has a start line") {
  World world;
  world.define("a", {.autostart = true});
  world.define("b", {.autostart = true});
  world.define("unmarked");
  CHECK(reason_of(world) == "it has not begun");
  world.connect();
  CHECK(reason_of(world) == "it is under way");
  world.deliver();
  CHECK(plan_of(world).empty());
  CHECK(world.autostart_state() == "done");
  CHECK(reason_of(world) == kAllRun);

  world.foreign_destroy("b");  // which somebody may do: nothing is wrong with it
  CHECK(plan_of(world) == Strings{"b"});
  CHECK(world.autostart_state() == "done");
  CHECK(reason_of(world) == "\"b\" is marked and off");
  world.set_flag("unmarked", true);
  CHECK(reason_of(world) == "\"b\", \"unmarked\" are marked and off");
  world.set_flag("unmarked", false);
  world.set_policy("b", {{"start", "never"}});
  CHECK(plan_of(world).empty());
  CHECK(reason_of(world) == kAllRun);
}

TEST_CASE("autostart reason: a marked VM that is off with an error, stuck or given up is missing") {
  World world;
  world.define("a", {.autostart = true, .policy = {{"start_retries", 0}}});
  world.define("b", {.autostart = true});
  world.domain("a").start_always_fails = true;
  world.connect();
  world.deliver();
  CHECK(world.autostart_state() == "incomplete");
  CHECK(reason_of(world) == "\"a\" should run and does not");

  world.kill_qemu("b");  // its policy does not restart it
  CHECK(world.phase("b") == "inactive");
  CHECK(world.view("b").last_error != "");
  CHECK(world.autostart_state() == "incomplete");
  CHECK(reason_of(world) == "\"a\", \"b\" should run and do not");

  world.domain("a").start_always_fails = false;
  CHECK(world.answer(world.request_autostart(false)) == "ok");
  world.deliver();
  CHECK(reason_of(world) == kAllRun);
  world.fill_disk("a", "/srv/a.img");
  CHECK(world.autostart_state() == "incomplete");
  CHECK(reason_of(world) == "\"a\" should run and does not");
}

TEST_CASE("autostart reason: without libvirt nothing is known, before and after a restart of ours") {
  World world;
  world.define("a", {.autostart = true});
  world.connect();
  world.deliver();
  world.lose_libvirt();
  CHECK(world.autostart_state() == "unknown");
  CHECK(reason_of(world) == "there is no connection to libvirt: what runs is not known");
  world.restart_supervisor();
  CHECK(world.autostart_state() == "unknown");
  world.connect();
  CHECK(reason_of(world) == kAllRun);
}

TEST_CASE("autostart reason: a few names are enough") {
  World world(Config{.autostart = false});
  for (const auto* name : {"a", "b", "c", "d", "e"}) world.define(name, {.autostart = true});
  world.connect();
  CHECK(reason_of(world) == "\"a\", \"b\", \"c\" and 2 more are marked and off");
}
