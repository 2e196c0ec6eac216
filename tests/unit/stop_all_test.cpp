// SPDX-License-Identifier: LGPL-2.1-or-later
#include "world.hpp"

#include <doctest/doctest.h>

using namespace virtsession;
using namespace std::chrono_literals;
using nlohmann::json;

// Somebody stops all VMs, and the session goes on.

TEST_CASE("stop all: it is answered when all are off, or at once, and VMs can be started again") {
  World world;
  define_chain(world);
  world.connect();
  const auto id = world.request_stop_all();
  CHECK(world.answer(world.request_stop_all(false)) == "ok");
  CHECK(world.answer(world.request(RequestKind::start, "web")) == "ShuttingDown");
  CHECK(world.answer(world.request_autostart()) == "ShuttingDown");
  CHECK(world.answer(id) == "");
  CHECK(world.stop_state() == "running");
  world.pass(31);
  CHECK(world.answer(id) == "ok");
  CHECK(world.stop_state() == "idle");
  CHECK(world.history("db").back().cause == "tester");
  CHECK(world.intent("db") == "down");
  CHECK_FALSE(world.supervisor().session_over());
  CHECK_FALSE(world.supervisor().wake());
  CHECK(world.answer(world.request(RequestKind::start, "web")) == "");
  world.deliver();
  CHECK(world.phase("web") == "running");
  CHECK(world.request_stop_all() > 0);
  world.pass(11);
  CHECK(world.phase("web") == "inactive");
}

TEST_CASE("stop all: what waits to be started is not any more") {
  World world(Config{.parallel = 1});
  world.define("now", {.autostart = true});
  world.define("then", {.autostart = true, .policy = {{"start_order", 1}}});
  world.define("disk", {.autostart = true, .policy = {{"start_if_paths", {"/mnt"}}}});
  world.define("crashed", {.policy = {{"restart", "always"}}, .running = true});
  world.connect();
  world.kill_qemu("crashed");
  const auto autostart = world.request_autostart();
  const auto id = world.request_stop_all();
  CHECK(world.answer(autostart) == "ShuttingDown");
  world.pass(1);
  CHECK(world.answer(id) == "ok");
  for (const auto& name : world.names()) {
    CAPTURE(name);
    CHECK(world.phase(name) == "inactive");
    CHECK(world.intent(name) == "down");
  }
  CHECK(world.reason("then") == "not started: tester");
  world.facts({.paths = {{"/mnt", {.exists = true}}}});
  world.pass(1000);
  CHECK(world.started() == Strings{"now"});
}

TEST_CASE("stop all: with a deadline it ends then, tells who still runs, and leaves no phase behind") {
  World world;
  world.define("slow", running({{"stop_actions", {"save"}}}));
  world.define("behind", {.policy = {{"start_order", -1}, {"start_ready", "agent"}, {"stop_actions", {"shutdown"}}}});
  world.domain("slow").save_takes = 60s;
  world.domain("behind").ignores_shutdown = true;
  world.connect();
  world.foreign_start("behind");
  const auto id = world.request_stop_all(true, 30);
  world.pass(29);
  CHECK(world.answer(id) == "");
  CHECK(world.phase("slow") == "saving");
  CHECK(world.stops().back() == "button behind");  // it did not wait until there was no time left for it
  world.pass(1);
  CHECK(world.answer(id) == "OperationFailed");
  CHECK(world.answer_text(id).find("\"behind\" (could not be stopped; shutdown: not in time)") != std::string::npos);
  CHECK(world.terminated().empty());
  CHECK(world.phase("behind") == "running");
  CHECK(world.intent("behind") == "up");
  world.pass(1000);
  CHECK(world.phase("slow") == "inactive");

  SUBCASE("a call that is under way ends as it does") {
    World other;
    other.define("saved", running({{"stop_actions", {"save"}}}));
    other.define("asked", running({{"stop_actions", {"shutdown"}}}));
    other.domain("saved").save_takes = 60s;
    other.domain("asked").agent_takes = 40s;
    other.domain("asked").ignores_shutdown = true;
    other.domain("asked").ignores_button = true;
    other.connect_agent("asked");
    other.connect();
    const auto late = other.request_stop_all(true, 30);
    other.pass(30);
    CHECK(other.answer(late) == "OperationFailed");
    CHECK(other.phase("saved") == "saving");
    other.pass(31);
    CHECK(other.phase("saved") == "inactive");
    CHECK(other.history("saved").back().cause == "tester");
    CHECK(other.phase("asked") == "running");
    other.kill_qemu("asked");
    CHECK(other.intent("asked") == "none");
  }
}

TEST_CASE("stop all: a start that libvirt ends after it leaves no phase behind") {
  World world;
  world.define("a", {});
  world.domain("a").start_takes = 40s;
  world.connect();
  world.request(RequestKind::start, "a");
  const auto id = world.request_stop_all(true, 30);
  world.foreign_start("a");
  world.pass(30);
  REQUIRE(world.answer(id) == "OperationFailed");
  world.pass(11);
  CHECK(world.phase("a") == "running");
  CHECK(world.intent("a") == "up");
}

TEST_CASE("stop all: a start that libvirt ends after it leaves no phase behind of a VM that is off again, either") {
  World world;
  world.define("a", {});
  world.domain("a").start_takes = 40s;
  world.domain("a").dies_at_once = true;
  world.connect();
  world.request(RequestKind::start, "a");
  world.request_stop_all(true, 30);
  world.pass(41);
  CHECK(world.stop_state() == "idle");
  CHECK(world.pending().empty());
  CHECK(world.phase("a") == "inactive");
}

TEST_CASE("stop all: a second one may want it sooner") {
  World world;
  world.define("a", running());
  world.domain("a").ignores_shutdown = true;
  world.domain("a").save_failure = "no space";
  world.connect();
  const auto patient = world.request_stop_all();
  world.pass(2);
  const auto id = world.request_stop_all(true, 20);
  world.pass(20);
  CHECK(world.answer(id) == "ok");
  CHECK(world.answer(patient) == "ok");
  CHECK(world.stops().back() == "power off a");
}

TEST_CASE("stop all: what is being stopped when the power fails is not up at the next login") {
  World world;
  world.define("a", {.policy = {{"start", "was-running"}}, .running = true});
  world.connect();
  CHECK(world.supervisor().kept_state().lasting["up"] == json{world.uuid("a")});
  world.request_stop_all();
  REQUIRE(world.phase("a") == "stopping");
  CHECK(world.supervisor().kept_state().lasting["up"] == json::array());
}

TEST_CASE("stop all: without libvirt it is refused") {
  World world;
  world.define("a", running());
  CHECK(world.answer(world.request_stop_all()) == "LibvirtUnavailable");
}

TEST_CASE("stop all: what another client starts meanwhile runs on, at the end of the session it does not") {
  for (const bool session : {false, true}) {
    CAPTURE(session);
    World world;
    define_chain(world, 9s);
    world.define("other");
    world.connect();
    const auto id = session ? 0 : world.request_stop_all();
    if (session) world.end_session(1000);
    world.pass(15);
    world.foreign_start("other");
    world.foreign_start("web");  // which was stopped already
    world.pass(60);
    CHECK(world.running("other") != session);
    CHECK(world.running("web") != session);
    CHECK(world.phase("web") == (session ? "inactive" : "running"));
    CHECK_FALSE(world.running("db"));
    if (!session) CHECK(world.answer_text(id) == "these VMs still run: \"web\" (started)");
    if (session) CHECK(world.supervisor().session_over());
    if (session) CHECK(world.journal("", Incident::stopped).back().ends_with(": 4 shut down"));
  }
}

TEST_CASE("stop all: a session that ends meanwhile cuts it short, and stops what it left") {
  World world;
  world.define("a", running());
  world.define("failed", running({{"stop_actions", {"shutdown"}}, {"stop_timeout_sec", 1}}));
  world.domain("a").ignores_shutdown = true;
  world.domain("a").save_failure = "no space";
  world.domain("failed").ignores_shutdown = true;
  world.define("up", {.policy = {{"start", "was-running"}}});
  world.connect();
  const auto id = world.request_stop_all();
  world.pass(5);
  CHECK(world.reason("failed").starts_with("could not be stopped"));
  world.domain("failed").ignores_shutdown = false;
  world.foreign_start("up");
  world.end_session(25);
  CHECK(world.answer(world.request_stop_all(false)) == "ok");
  world.pass(25);
  CHECK(world.terminated().empty());
  CHECK(world.answer(id) == "ok");
  CHECK_FALSE(world.running("failed"));
  CHECK(world.domain("a").snapshot.shutoff_reason == ShutoffReason::destroyed);
  CHECK(world.supervisor().session_over());
  CHECK(world.answer(world.request_stop_all()) == "ShuttingDown");
  CHECK(world.supervisor().kept_state().lasting == json{{"up", {world.uuid("failed"), world.uuid("up")}}});
}
