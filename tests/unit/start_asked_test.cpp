// SPDX-License-Identifier: LGPL-2.1-or-later
#include "world.hpp"

#include <doctest/doctest.h>

using namespace virtsession;

// Somebody wants one VM to be started by its policy.

namespace {

RequestId ask_by_policy(World& world, const std::string& name) {
  return world.request(RequestKind::start, name, [](VmRequest& request) {
    request.by_policy = true;
    request.wait = false;
  });
}

}  // namespace

TEST_CASE("start by policy: it waits for what it waits for at login, marked or not, and is tried again") {
  World world;
  world.define("db", {.policy = {{"start_ready", "agent"}}});
  world.define(
      "app",
      {.policy = {
           {"start", "never"}, {"start_after", {"db"}}, {"start_delay_sec", 5.0}, {"start_if_paths", {"/mnt"}}}});
  world.domain("app").start_failures = {"no"};
  world.connect();
  CHECK(world.answer(ask_by_policy(world, "db")) == "ok");
  CHECK(world.answer(ask_by_policy(world, "app")) == "ok");
  CHECK(world.answer(ask_by_policy(world, "app")) == "ok");
  CHECK(world.intent("app") == "up");
  world.pass(1);
  CHECK(world.phase("db") == "waiting-ready");
  CHECK(world.reason("app") == "waits for \"db\" to be ready");
  world.connect_agent("db");
  CHECK(world.reason("app") == "waits 5.0 s");
  world.pass(6);
  CHECK(world.reason("app") == "waits for path /mnt");
  world.restart_supervisor();
  world.connect();
  world.pass(6);
  CHECK(world.reason("app") == "waits for path /mnt");
  world.facts({.paths = {{"/mnt", {.exists = true}}}});
  world.deliver();
  CHECK(world.phase("app") == "backoff");
  world.pass(10);
  CHECK(world.phase("app") == "running");
  CHECK(world.history("app").back().cause == "tester");
  CHECK(world.answer(ask_by_policy(world, "app")) == "ok");
}

TEST_CASE("start by policy: it ends gave-up; what goes down is waited for by who asks") {
  World world;
  world.define("bad", {.policy = {{"start_retries", 0}}});
  world.define("goes", running());
  world.domain("bad").start_always_fails = true;
  world.domain("goes").shutdown_takes = std::chrono::seconds(10);
  world.connect();
  ask_by_policy(world, "bad");
  world.deliver();
  CHECK(world.phase("bad") == "gave-up");
  CHECK(world.has_notice("bad", Incident::gave_up));
  ask_by_policy(world, "bad");
  CHECK_FALSE(world.has_notice("bad", Incident::gave_up));
  world.deliver();
  CHECK(world.phase("bad") == "gave-up");
  world.request(RequestKind::stop, "goes");
  CHECK(world.answer(ask_by_policy(world, "goes")) == "Busy");
  world.pass(11);
  CHECK(world.answer(ask_by_policy(world, "goes")) == "ok");
  world.deliver();
  CHECK(world.phase("goes") == "running");
  world.request_stop_all();
  CHECK(world.answer(ask_by_policy(world, "goes")) == "ShuttingDown");
}

TEST_CASE("start by policy: it is no part of the autostart") {
  World world;
  world.define("later", {.autostart = true, .policy = {{"start_order", 1}}});
  world.define("asked", {.policy = {{"start_ready", "agent"}}});
  world.connect();
  world.deliver();
  REQUIRE(world.autostart_state() == "done");
  world.foreign_shutdown("later");
  ask_by_policy(world, "asked");
  world.deliver();
  CHECK(world.autostart_state() == "done");
  world.request_autostart();
  world.deliver();
  CHECK_MESSAGE(world.running("later"), "it waits for no VM that somebody started otherwise");
}
