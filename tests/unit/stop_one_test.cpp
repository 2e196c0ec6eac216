// SPDX-License-Identifier: LGPL-2.1-or-later
#include "world.hpp"

#include <doctest/doctest.h>

using namespace virtsession;
using namespace std::chrono_literals;
using nlohmann::json;

// Somebody stops one VM by its policy; the others run on.

TEST_CASE("stop one: its stop_actions, each for its time; other VMs have nothing to do with it") {
  World world;
  define_chain(world);
  world.domain("db").ignores_shutdown = true;
  world.set_policy("db", {{"stop_timeout_sec", 10}, {"stop_actions", {"shutdown", "save"}}, {"restart", "always"}});
  world.connect();
  const auto id = world.request(RequestKind::stop, "db");
  const auto joins = world.request(RequestKind::stop, "db");
  CHECK(world.intent("db") == "down");
  CHECK(world.phase("db") == "stopping");
  CHECK(world.reason("db") == "the guest is asked to shut down by its power button asked for by tester");
  CHECK(world.stop_state() == "idle");
  CHECK(world.answer(world.request(RequestKind::start, "db")) == "Busy");
  CHECK(world.answer(world.request(RequestKind::stop, "db", [](auto& request) { request.wait = false; })) == "ok");
  world.pass(9);
  CHECK(world.answer(id) == "");
  CHECK(world.phase("db") == "stopping");
  world.pass(60);
  CHECK(world.answer(id) == "ok");
  CHECK(world.answer(joins) == "ok");
  CHECK(world.phase("db") == "inactive");
  CHECK(world.history("db").back().cause == "tester");
  CHECK(world.view("db").managed_save);
  CHECK(world.stops().back() == "save db");
  CHECK(world.running("app"));
  CHECK(world.running("web"));
  world.request(RequestKind::start, "db");
  world.deliver();
  CHECK(world.running("db"));
  CHECK_FALSE(world.supervisor().wake());
}

TEST_CASE("stop one: what is off stays so; what waits to be started is not any more") {
  World world;
  world.define("off", {});
  world.define("disk", {.autostart = true, .policy = {{"start_if_paths", {"/mnt"}}}});
  world.connect();
  CHECK(world.answer(world.request(RequestKind::stop, "off")) == "ok");
  CHECK(world.intent("off") == "down");
  CHECK(world.phase("disk") == "waiting");
  CHECK(world.answer(world.request(RequestKind::stop, "disk")) == "ok");
  CHECK(world.phase("disk") == "inactive");
  CHECK(world.reason("disk") == "not started: tester");
  world.facts({.paths = {{"/mnt", {.exists = true}}}});
  world.pass(1000);
  CHECK(world.started().empty());
  CHECK(world.stops().empty());
}

TEST_CASE("stop one: a start that is under way is waited for, and one that fails is not tried again") {
  World world;
  world.define("comes", {});
  world.define("fails", {.autostart = true, .policy = {{"start_retries", 5}}});
  world.domain("comes").start_takes = world.domain("fails").start_takes = 5s;
  world.domain("fails").start_always_fails = true;
  world.connect();
  world.request(RequestKind::start, "comes");
  const auto comes = world.request(RequestKind::stop, "comes");
  const auto fails = world.request(RequestKind::stop, "fails");
  CHECK(world.answer(comes) == "");
  world.pass(1000);
  CHECK(world.answer(comes) == "ok");
  CHECK(world.answer(fails) == "ok");
  CHECK(world.phase("comes") == "inactive");
  CHECK(world.intent("comes") == "down");
  CHECK(world.phase("fails") == "inactive");
  CHECK(world.started().size() == 2);
}

TEST_CASE("stop one: a VM that its policy leaves running is left, and that is an error") {
  World world;
  world.define("left", running({{"stop_actions", {"leave"}}}));
  world.define("asked", running({{"stop_actions", {"shutdown", "leave"}}, {"stop_timeout_sec", 5}}));
  world.domain("asked").ignores_shutdown = true;
  world.connect();
  const auto left = world.request(RequestKind::stop, "left");
  CHECK(world.answer(left) == "OperationFailed");
  CHECK(world.answer_text(left) == "VM \"left\" is left running, as its policy says (stop_actions)");
  CHECK(world.intent("left") == "up");
  const auto asked = world.request(RequestKind::stop, "asked");
  world.pass(6);
  CHECK(world.answer(asked) == "OperationFailed");
  CHECK(world.answer_text(asked) == "\"asked\" still runs: left running, as its policy says");
  CHECK(world.phase("asked") == "running");
  CHECK(world.intent("asked") == "up");
  CHECK(world.answer(world.request(RequestKind::start, "asked")) == "ok");
  CHECK_FALSE(world.supervisor().wake());
}

TEST_CASE("stop one: what cannot be stopped runs on, and says why") {
  auto world = with(running({{"stop_actions", {"save"}}}));
  world.domain("a").save_failure = "no space left";
  const auto id = world.request(RequestKind::stop, "a");
  world.pass(60);
  CHECK(world.answer(id) == "OperationFailed");
  CHECK(world.answer_text(id).find("no space left") != std::string::npos);
  CHECK(world.view("a").last_error.find("no space left") != std::string::npos);
  CHECK(world.phase("a") == "running");
  CHECK(world.intent("a") == "up");
}

TEST_CASE("stop one: another client starts it again meanwhile") {
  auto world = with(running());
  world.domain("a").shutdown_takes = 10s;
  const auto id = world.request(RequestKind::stop, "a");
  world.pass(1);
  world.foreign_destroy("a");
  CHECK(world.answer(id) == "ok");
  world.foreign_start("a");
  CHECK(world.phase("a") == "running");
  world.pass(100);
  CHECK(world.running("a"));
}

TEST_CASE("stop one: a transient VM is stopped, too") {
  auto world = with({.policy = {{"stop_timeout_sec", 5}}, .persistent = false, .running = true});
  const auto id = world.request(RequestKind::stop, "a");
  world.pass(60);
  CHECK(world.answer(id) == "ok");
  CHECK_FALSE(world.exists("a"));
}

TEST_CASE("stop one: libvirt's daemon dies meanwhile, and virtsessiond itself") {
  auto world = with(running({{"stop_timeout_sec", 20}}));
  world.domain("a").ignores_shutdown = true;
  const auto id = world.request(RequestKind::stop, "a");
  world.pass(1);
  world.lose_libvirt();
  CHECK(world.answer(id) == "");
  world.connect();
  CHECK(world.phase("a") == "stopping");
  world.pass(1);
  world.restart_supervisor();
  world.connect();
  CHECK(world.phase("a") == "stopping");
  CHECK(world.intent("a") == "down");
  const auto joins = world.request(RequestKind::stop, "a");
  world.pass(100);
  CHECK(world.answer(joins) == "ok");
  CHECK(world.phase("a") == "inactive");
  CHECK(world.history("a").back().cause == "tester");
  CHECK(world.view("a").managed_save);
}

TEST_CASE("stop one: a stop of all, or the end of the session, makes it a part of itself") {
  for (const bool session_ends : {false, true}) {
    CAPTURE(session_ends);
    auto world = with(running({{"stop_timeout_sec", 100}}));
    world.domain("a").ignores_shutdown = true;
    const auto one = world.request(RequestKind::stop, "a");
    world.pass(5);
    const auto asked_before = world.stops().size();
    RequestId all = 0;
    if (session_ends)
      world.end_session(60);
    else
      all = world.request_stop_all(true, 60);
    CHECK(world.stops().size() == asked_before);  // it goes on where it is
    world.pass(59);
    CHECK(world.answer(one) == "ok");
    if (!session_ends) CHECK(world.answer(all) == "ok");
    CHECK(world.phase("a") == "inactive");
    CHECK(world.view("a").managed_save);
    CHECK(world.terminated().empty());
    CHECK(world.stop_state() == "idle");
  }
}

TEST_CASE("stop one: while all are stopped it joins, and has its own answer") {
  World world;
  define_chain(world);
  world.connect();
  const auto all = world.request_stop_all();
  const auto one = world.request(RequestKind::stop, "web");
  world.pass(6);
  CHECK(world.answer(one) == "ok");
  CHECK(world.answer(all) == "");
  world.pass(30);
  CHECK(world.answer(all) == "ok");
}

TEST_CASE("stop one: the host's sleep leaves it alone, and it does not go on when the host wakes up") {
  World world;
  world.define("a", running({{"sleep", "pause"}}));
  world.define("b", running({{"sleep", "save"}}));
  world.domain("a").shutdown_takes = 10s;
  world.connect();
  world.request(RequestKind::stop, "a");
  world.sleep();
  world.pass(2);
  CHECK(world.phase("a") == "stopping");
  REQUIRE(world.phase("b") == "inactive");
  CHECK(world.answer(world.request(RequestKind::stop, "b")) == "ok");
  world.wake_up();
  world.pass(60);
  CHECK(world.phase("a") == "inactive");
  CHECK(world.phase("b") == "inactive");
}

TEST_CASE("stop of one: a start that was lost with libvirt leaves no phase behind") {
  World world = with({});
  world.hang_libvirt();
  world.request(RequestKind::start, "a");
  const auto id = world.request(RequestKind::stop, "a");
  world.pass(1);
  CHECK(world.phase("a") == "stopping");
  world.lose_libvirt();
  world.connect();
  world.pass(100);
  CHECK(world.answer(id) == "ok");
  CHECK(world.phase("a") == "inactive");
  CHECK(world.autostart_state() == "done");
}
