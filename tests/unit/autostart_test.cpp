// SPDX-License-Identifier: LGPL-2.1-or-later
#include "world.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace virtsession;
using nlohmann::json;

namespace {

Strings names(int count) {
  Strings result;
  for (int i = 0; i < count; ++i) result.push_back("vm" + std::to_string(10 + i));
  return result;
}

}  // namespace

TEST_CASE("autostart: marked VMs start by order, others stay off") {
  World world;
  world.define("third", {.autostart = true, .policy = {{"start_order", 30}}});
  world.define("first", {.autostart = true, .policy = {{"start_order", 10}}});
  world.define("second", {.autostart = true, .policy = {{"start_order", 20}}});
  world.define("off");
  CHECK(world.autostart_state() == "pending");
  world.connect();
  CHECK(world.pending() == Strings{"start first"});
  CHECK(world.phase("second") == "queued");
  CHECK(world.reason("second") == "waits for VMs of order 10");
  CHECK(world.autostart_state() == "running");
  world.deliver();
  CHECK(world.started() == Strings{"first", "second", "third"});
  CHECK(world.phase("third") == "running");
  CHECK(world.reason("third") == "started");
  CHECK(world.intent("third") == "up");
  CHECK(world.phase("off") == "inactive");
  CHECK(world.intent("off") == "none");
  CHECK(world.autostart_state() == "done");
  CHECK_FALSE(world.supervisor().wake());
  CHECK(world.history("first").back().cause == "login");
  CHECK(world.journal("first", Incident::started) == Strings{"started (login)"});
}

TEST_CASE("autostart: as many at once as configured, and the next when one is through") {
  for (const std::int64_t parallel : {1, 2, 4}) {
    CAPTURE(parallel);
    World world(Config{.parallel = parallel});
    for (const auto& name : names(10)) world.define(name, {.autostart = true});
    world.connect();
    CHECK(world.pending().size() == static_cast<std::size_t>(parallel));
    CHECK(world.reason("vm19") == "waits until fewer VMs are starting");
    world.deliver("vm10");
    CHECK(world.pending().size() == static_cast<std::size_t>(parallel));
    world.deliver();
    CHECK(world.started() == names(10));
    CHECK(world.most_starts_in_flight() == static_cast<std::size_t>(parallel));
  }
}

TEST_CASE("autostart: nothing starts when it is switched off, and nothing is missing then") {
  World world(Config{.autostart = false});
  world.define("a", {.autostart = true, .once = true});
  world.connect();
  CHECK(world.pending().empty());
  CHECK(world.phase("a") == "inactive");
  CHECK(world.autostart_state() == "done");
}

TEST_CASE("autostart: a VM that is up already is left alone") {
  World world;
  world.define("a", {.autostart = true, .running = true});
  world.connect();
  CHECK(world.pending().empty());
  CHECK(world.phase("a") == "running");
  CHECK(world.intent("a") == "up");
}

TEST_CASE("autostart: a VM that fails does not hold up the others, and says why") {
  World world;
  world.define("bad", {.autostart = true, .policy = {{"start_order", 1}}});
  world.define("good", {.autostart = true, .policy = {{"start_order", 2}}});
  world.domain("bad").start_always_fails = true;
  world.connect();
  world.deliver();
  CHECK(world.phase("good") == "running");
  CHECK(world.phase("bad") == "backoff");
  CHECK(world.reason("bad") == "failed to start: no disk; try 1 of 3 follows");
  CHECK(world.view("bad").last_error == "failed to start: no disk");
  CHECK(world.journal("bad", Incident::start_failed).size() == 1);
}

TEST_CASE("autostart: a failed start is tried again, and success clears the error") {
  World world;
  world.define("a", {.autostart = true});
  world.domain("a").start_failures = {"busy", "busy"};
  world.connect();
  world.pass(20);
  CHECK(world.started().size() == 3);
  CHECK(world.phase("a") == "running");
  CHECK(world.view("a").last_error == "");
  CHECK(world.autostart_state() == "done");
}

TEST_CASE("autostart: after its tries a VM is given up, a person is told, and nothing more is done") {
  World world;
  world.define("a", {.autostart = true, .policy = {{"start_retries", 2}}});
  world.domain("a").start_always_fails = true;
  world.connect();
  world.pass(100000);
  CHECK(world.started().size() == 3);
  CHECK(world.phase("a") == "gave-up");
  CHECK(world.reason("a") == "failed to start: no disk");
  CHECK(world.has_notice("a", Incident::gave_up));
  CHECK(world.journal("a", Incident::gave_up) == Strings{"gave up: failed to start: no disk"});
  CHECK(world.autostart_state() == "incomplete");
  CHECK_FALSE(world.supervisor().wake());

  SUBCASE("reset: it is off and forgotten") {
    CHECK(world.answer(world.request(RequestKind::reset_failed, "a")) == "ok");
    CHECK(world.phase("a") == "inactive");
    CHECK(world.view("a").last_error == "");
    CHECK_FALSE(world.has_notice("a", Incident::gave_up));
    CHECK(world.autostart_state() == "done");
    CHECK(world.pending().empty());
  }
  SUBCASE("started by hand: the notice goes") {
    world.domain("a").start_always_fails = false;
    const auto id = world.request(RequestKind::start, "a");
    world.deliver();
    CHECK(world.answer(id) == "ok");
    CHECK(world.phase("a") == "running");
    CHECK_FALSE(world.has_notice("a", Incident::gave_up));
  }
  SUBCASE("autostart asked for again: it gets its tries again") {
    world.domain("a").start_always_fails = false;
    world.request_autostart();
    world.deliver();
    CHECK(world.phase("a") == "running");
  }
  SUBCASE("the next instance does not try again either") {
    world.restart_supervisor();
    world.connect();
    CHECK(world.pending().empty());
    CHECK(world.phase("a") == "gave-up");
    CHECK(world.reason("a") == "failed to start: no disk");
  }
}

TEST_CASE("autostart: without retries one failure is the end") {
  World world;
  world.define("a", {.autostart = true, .policy = {{"start_retries", 0}}});
  world.domain("a").start_always_fails = true;
  world.connect();
  world.deliver();
  CHECK(world.phase("a") == "gave-up");
}

TEST_CASE("autostart: a delay is waited for, once, and holds up later orders") {
  World world;
  world.define("a", {.autostart = true, .policy = {{"start_order", 1}, {"start_delay_sec", 30}}});
  world.define("b", {.autostart = true, .policy = {{"start_order", 2}}});
  world.connect();
  CHECK(world.phase("a") == "waiting");
  CHECK(world.reason("a") == "waits 30.0 s");
  world.pass(29.9);
  CHECK(world.started().empty());
  world.pass(0.2);
  CHECK(world.started() == Strings{"a", "b"});
}

TEST_CASE("autostart: a shorter delay counts at once") {
  World world;
  world.define("a", {.autostart = true, .policy = {{"start_delay_sec", 86400}}});
  world.connect();
  CHECK(world.pending().empty());
  world.set_policy("a", {{"start_delay_sec", 0}});
  CHECK(world.pending() == Strings{"start a"});
}

TEST_CASE("autostart: dependencies are started first and waited for") {
  World world;
  world.define("web", {.autostart = true, .policy = {{"start_after", {"app"}}}});
  world.define("app", {.autostart = true, .policy = {{"start_after", {"db"}}}});
  world.define("db", {.autostart = true, .policy = {{"start_order", 100}}});
  world.connect();
  CHECK(world.pending() == Strings{"start db"});
  CHECK(world.phase("web") == "waiting");
  CHECK(world.reason("web") == "waits for \"app\" to be ready");
  world.deliver();
  CHECK(world.started() == Strings{"db", "app", "web"});
}

TEST_CASE("autostart: who starts after a VM that was given up goes without it, and says so") {
  World world;
  world.define("app", {.autostart = true, .policy = {{"start_after", {"db", "nosuch"}}}});
  world.define("db", {.autostart = true, .policy = {{"start_retries", 1}}});
  world.domain("db").start_always_fails = true;
  world.connect();
  world.deliver();
  CHECK(world.phase("db") == "backoff");
  CHECK(world.phase("app") == "waiting");
  world.pass(5);
  CHECK(world.phase("db") == "gave-up");
  CHECK(world.phase("app") == "running");
  CHECK(world.reason("app") == "started; without \"db\" (gave-up), \"nosuch\" (no such VM)");
}

TEST_CASE("autostart: a circle is reported and all of it starts") {
  World world;
  world.define("a", {.autostart = true, .policy = {{"start_after", {"b"}}}});
  world.define("b", {.autostart = true, .policy = {{"start_after", {"a"}}}});
  world.connect();
  CHECK(world.view("a").policy_problems.size() == 1);
  world.deliver();
  CHECK(world.phase("a") == "running");
  CHECK(world.phase("b") == "running");
}

TEST_CASE("autostart: problems of start_after are those of the marked VMs, whether they run or not") {
  World world;
  world.define("app", {.autostart = true, .policy = {{"start_after", {"db", "gone"}}}});
  world.define("db", {.autostart = true, .running = true});
  world.define("tool");
  world.connect();
  const auto texts = [&] {
    Strings result;
    for (const auto& problem : world.view("app").policy_problems) result.push_back(problem.text);
    return result;
  };
  CHECK(texts() == Strings{"start_after names \"gone\", and there is no such VM"});
  world.deliver();
  CHECK_MESSAGE(texts() == Strings{"start_after names \"gone\", and there is no such VM"}, "it runs now");
  world.set_policy("app", {{"start_after", {"tool"}}});
  CHECK(texts() == Strings{"start_after names \"tool\", which is not marked to start"});
  world.set_flag("tool", true);
  CHECK(texts().empty());
}

TEST_CASE("autostart: start: never beats the flag, was-running starts what was up") {
  KeptState kept;
  kept.lasting =
      json::parse(R"({"up": ["00000000-0000-4000-8000-000000000002", "00000000-0000-4000-8000-000000000003"]})");
  World world({}, kept);
  world.define("never", {.autostart = true, .policy = {{"start", "never"}}});
  world.define("was up", {.policy = {{"start", "was-running"}}});
  world.define("was up, flag only");
  world.define("was off", {.policy = {{"start", "was-running"}}});
  world.define("was off, flagged", {.autostart = true, .policy = {{"start", "was-running"}}});
  world.connect();
  world.deliver();
  CHECK(world.started() == Strings{"was off, flagged", "was up"});
}

TEST_CASE("autostart: the flag for once starts a VM once, and is cleared") {
  World world;
  world.define("a", {.once = true, .policy = {{"start_order", 2}}});
  world.define("b", {.autostart = true, .once = false, .policy = {{"start_order", 1}}});
  world.connect();
  world.deliver("a");  // the flag
  CHECK(world.domain("a").snapshot.autostart_once == false);
  CHECK_MESSAGE(world.phase("a") == "queued", "a flag that is used up does not end the start that used it");
  world.deliver();
  CHECK(world.started() == Strings{"b", "a"});
  world.foreign_shutdown("a");
  world.restart_supervisor();
  world.connect();
  CHECK(world.pending().empty());
}

TEST_CASE("autostart: a transient VM is shown and never touched") {
  World world;
  world.define("guestfs", {.autostart = true,
                           .policy = {{"restart", "always"}, {"start_ready", "agent"}},
                           .persistent = false,
                           .running = true});
  world.connect();
  CHECK(world.phase("guestfs") == "running");
  const auto uuid = world.uuid("guestfs");
  world.kill_qemu("guestfs");
  CHECK(world.pending().empty());
  CHECK(world.supervisor().uuids().empty());
  CHECK(world.supervisor().history(uuid, 0).back().reason == "removed from libvirt");
}

TEST_CASE("autostart: a flag that is set during the session starts nothing now") {
  World world;
  world.define("a");
  world.connect();
  world.set_flag("a", true);
  CHECK(world.view("a").autostart);
  CHECK(world.pending().empty());
  CHECK(world.phase("a") == "inactive");
}

TEST_CASE("autostart: a flag that is taken away ends what waits, in every stage") {
  World world(Config{.parallel = 1});
  world.define("running", {.autostart = true, .policy = {{"start_order", -1}, {"start_ready", "delay"}}});
  world.define("queued", {.autostart = true});
  world.define("waiting", {.autostart = true, .policy = {{"start_after", {"running"}}, {"start_order", -1}}});
  world.define("disk", {.autostart = true, .policy = {{"start_order", -2}, {"start_if_paths", {"/mnt"}}}});
  world.define("delayed", {.autostart = true, .policy = {{"start_order", -2}, {"start_delay_sec", 5}}});
  world.define("failing", {.autostart = true, .policy = {{"start_order", -2}, {"start_retries", 100}}});
  world.domain("failing").start_always_fails = true;
  world.connect();
  world.deliver();
  CHECK(world.phase("failing") == "backoff");
  CHECK(world.phase("delayed") == "waiting");
  for (const std::string name : {"delayed", "failing", "disk"}) {
    CAPTURE(name);
    world.set_flag(name, false);
    CHECK(world.phase(name) == "inactive");
    CHECK(world.reason(name) == "not started: it is not marked to start any more");
  }
  world.deliver();
  CHECK(world.phase("running") == "waiting-ready");
  for (const std::string name : {"queued", "waiting"}) {
    CAPTURE(name);
    world.set_flag(name, false);
    CHECK(world.phase(name) == "inactive");
  }
  world.pass(1000);
  CHECK(world.started() == Strings{"failing", "running"});
  CHECK(world.autostart_state() == "done");
}

TEST_CASE("autostart: a flag that is taken away while libvirt starts the VM ends the next try") {
  World world;
  world.define("a", {.autostart = true});
  world.domain("a").start_always_fails = true;
  world.connect();
  world.set_flag("a", false);
  CHECK(world.phase("a") == "starting");
  world.pass(100);
  CHECK(world.started().size() == 1);
  CHECK(world.phase("a") == "inactive");
}

TEST_CASE(
    "autostart: a VM that dies before anybody has seen it run is a VM that crashed, not one that starts for ever") {
  World world;
  world.define("a", {.autostart = true, .policy = {{"start_order", 1}}});
  world.define("b", {.autostart = true, .policy = {{"start_order", 2}}});
  world.domain("a").dies_at_once = true;
  world.connect();
  world.deliver();
  CHECK(world.phase("a") == "inactive");
  CHECK(world.reason("a").find("QEMU crashed") != std::string::npos);
  CHECK(world.view("a").last_error == "QEMU crashed");
  CHECK(world.phase("b") == "running");
  CHECK(world.autostart_state() == "incomplete");
  const auto id = world.request(RequestKind::start, "a");
  world.deliver();
  CHECK(world.answer(id) == "ok");
  CHECK(world.phase("a") == "inactive");
}

TEST_CASE("autostart: a VM that a client destroys while it is started stays off, as after any stop of somebody's") {
  World world;
  world.define("a", {.autostart = true, .policy = {{"restart", "always"}}});
  world.domain("a").destroyed_in_start = true;
  world.connect();
  world.deliver();
  world.pass(120);
  CHECK_FALSE(world.running("a"));
  CHECK(world.phase("a") == "inactive");
  CHECK(world.reason("a") == "stopped by a client while it started");
  CHECK(world.intent("a") == "down");
  CHECK(world.view("a").last_error.empty());
  CHECK(world.started() == Strings{"a"});
  CHECK(world.autostart_state() == "done");
}
