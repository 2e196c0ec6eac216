// SPDX-License-Identifier: LGPL-2.1-or-later
#include "world.hpp"

#include <doctest/doctest.h>

using namespace virtsession;

TEST_CASE("autostart: asked for over D-Bus, it answers when all has settled") {
  World world;
  world.define("a", {.autostart = true});
  world.connect();
  world.deliver();
  world.foreign_shutdown("a");
  CHECK(world.answer(world.request_autostart(false)) == "ok");
  world.deliver();
  world.foreign_shutdown("a");
  const auto id = world.request_autostart();
  CHECK(world.answer(id) == "");
  CHECK(world.autostart_state() == "running");
  world.deliver();
  CHECK(world.answer(id) == "ok");
  CHECK(world.answer(world.request_autostart()) == "ok");
}

TEST_CASE("autostart: asked for over D-Bus, it fails when something that should run does not") {
  World world;
  world.define("bad", {.autostart = true, .policy = {{"start_retries", 1}}});
  world.define("disk", {.autostart = true, .policy = {{"start_if_paths", {"/mnt"}}}});
  world.domain("bad").start_always_fails = true;
  world.connect();
  const auto id = world.request_autostart();
  world.deliver();
  CHECK_MESSAGE(world.answer(id) == "", "the next try is still to come");
  CHECK(world.autostart_state() == "running");
  world.pass(10);
  CHECK(world.answer(id) == "OperationFailed");
  CHECK(world.answer_text(id).find("\"bad\"") != std::string::npos);
  CHECK(world.answer_text(id).find("\"disk\" (waits for path /mnt)") != std::string::npos);
  CHECK(world.autostart_state() == "incomplete");
}

TEST_CASE("autostart: without libvirt it cannot be asked for") {
  World world;
  CHECK(world.answer(world.request_autostart()) == "LibvirtUnavailable");
}

TEST_CASE("autostart: the plan says what it will do, and nothing is done by asking") {
  World world(Config{.autostart = false});
  world.define("app", {.autostart = true, .policy = {{"start_after", {"db"}}, {"start_if_ac_power", true}}});
  world.define("db", {.autostart = true, .policy = {{"start_order", 5}, {"start_ready", "agent"}}});
  world.define("off");
  world.define("never", {.autostart = true, .policy = {{"start", "never"}}});
  world.define("up", {.autostart = true, .running = true});
  world.connect();
  Strings lines;
  for (const auto& step : world.supervisor().plan_start({}))
    lines.push_back(std::to_string(step.wave) + " " + step.name + " " + step.decision + ": " + step.reason);
  CHECK(lines == Strings{
                     "1 db start: marked; order 0 (its own is 5, and an earlier VM starts after it); ready by agent",
                     "2 app wait: marked; order 0; after \"db\" is ready; waits for AC power",
                     "0 never skip: its policy has start: never",
                     "0 off skip: not marked (libvirt's autostart flag is off)",
                     "0 up skip: runs already",
                 });
  CHECK(world.pending().empty());
  CHECK(world.supervisor().plan_facts() == WantedFacts{true, false, false, {}});
}
