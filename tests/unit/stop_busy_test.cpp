// SPDX-License-Identifier: LGPL-2.1-or-later
#include "world.hpp"

#include <doctest/doctest.h>

using namespace virtsession;
using namespace std::chrono_literals;
using nlohmann::json;

// How a VM is stopped of which something else is under way: a start, a job of libvirt, somebody's call.

TEST_CASE("stop: a VM that is starting is stopped when it is up") {
  World world;
  world.define("a", {.autostart = true});
  world.domain("a").start_takes = 5s;
  world.connect();

  SUBCASE("at the end of the session") {
    world.end_session(300);
    world.pass(6);
    CHECK(world.stops() == Strings{"button a"});
    CHECK(world.supervisor().session_over());
    CHECK(world.supervisor().kept_state().lasting == json{{"up", {world.uuid("a")}}});
  }
  SUBCASE("when all are stopped") {
    const auto id = world.request_stop_all();
    world.pass(6);
    CHECK(world.stops() == Strings{"button a"});
    CHECK(world.answer(id) == "ok");
    CHECK(world.phase("a") == "inactive");
    CHECK(world.intent("a") == "down");
  }
  SUBCASE("unless it has ended before its start was answered") {
    world.domain("a").dies_at_once = true;
    const auto id = world.request_stop_all();
    world.pass(100);
    CHECK(world.answer(id) == "ok");
    CHECK(world.phase("a") == "inactive");
    CHECK(world.autostart_state() != "running");
    CHECK(world.started().size() == 1);
  }
  SUBCASE("unless the start fails, which is not tried again") {
    world.domain("a").start_failures = {"no disk"};
    const auto id = world.request_stop_all();
    world.pass(100);
    CHECK(world.answer(id) == "ok");
    CHECK(world.stops().empty());
    CHECK(world.started().size() == 1);
    CHECK(world.reason("a") == "failed to start: no disk");
    CHECK(world.journal("", Incident::stopped).back().ends_with(": 1 not started"));
  }
  SUBCASE("also when libvirt is lost meanwhile") {
    const auto id = world.request_stop_all();
    world.lose_libvirt();
    world.connect();
    world.pass(100);
    CHECK(world.answer(id) == "ok");
    CHECK(world.started().size() == 1);
    CHECK(world.phase("a") == "inactive");
  }
}

TEST_CASE("stop: a VM in a job of libvirt is stopped when that has ended") {
  auto world = with(running());
  world.domain("a").snapshot.in_job = true;
  world.domain("a").snapshot.state = DomainState::paused;
  world.domain("a").snapshot.state_reason = "migrating";
  world.refresh("a");
  world.end_session(300);
  CHECK(world.pending().empty());
  CHECK(world.reason("a") == "waits until libvirt has ended its work on it (migrating)");
  world.pass(20);
  CHECK(world.pending().empty());
  world.domain("a").snapshot.in_job = false;
  world.domain("a").snapshot.state = DomainState::running;
  world.refresh("a");
  world.pass(1);
  CHECK(world.stops() == Strings{"button a"});

  SUBCASE("one that does not end is ended before the deadline") {
    auto other = with(running());
    other.domain("a").snapshot.in_job = true;
    other.refresh("a");
    other.end_session(100);
    other.pass(94);
    CHECK(other.terminated().empty());
    other.pass(6);
    CHECK(other.stops().empty());
    CHECK(other.terminated() == Strings{"a"});
    CHECK(other.supervisor().session_over());
  }
}

TEST_CASE("stop: its time begins when libvirt has ended its work on it") {
  World world;
  world.define("a", running({{"stop_timeout_sec", 5}}));
  world.domain("a").snapshot.in_job = true;
  world.domain("a").shutdown_takes = 4s;
  world.connect();
  world.end_session(300);
  world.pass(100);
  CHECK(world.stops().empty());
  world.domain("a").snapshot.in_job = false;
  world.refresh("a");
  world.pass(4.5);
  CHECK(world.journal("", Incident::stopped).back().ends_with(": 1 shut down"));
}

TEST_CASE("stop: somebody's call ends first, and is answered") {
  auto world = with(running());
  world.domain("a").save_takes = 8s;
  const auto id = world.request(RequestKind::save, "a");
  world.end_session(300);
  CHECK(world.reason("a") == "waits until libvirt has ended its work on it (to save it)");
  world.pass(9);
  CHECK(world.answer(id) == "ok");
  CHECK(world.stops().empty());
  CHECK(world.supervisor().session_over());
  CHECK(world.journal("", Incident::stopped).back().ends_with(": 1 saved"));

  SUBCASE("it fails: the VM is stopped in the other ways") {
    auto other = with(running());
    other.domain("a").save_failure = "no space";
    other.domain("a").save_takes = 8s;
    const auto failing = other.request(RequestKind::save, "a");
    other.end_session(300);
    other.pass(9);
    CHECK(other.answer(failing) == "OperationFailed");
    CHECK(other.stops() == Strings{"button a"});
    CHECK(other.supervisor().session_over());
  }
}

TEST_CASE("stop: who wants the same is answered with it") {
  auto world = with(running({{"stop_actions", {"save"}}}));
  world.domain("a").save_takes = 8s;
  world.end_session(300);
  const auto save = world.request(RequestKind::save, "a");
  CHECK(world.answer(world.request(RequestKind::power_off, "a")) == "Busy");
  CHECK(world.answer(world.request(RequestKind::start, "a")) == "ShuttingDown");
  CHECK(world.answer(save) == "");
  world.pass(9);
  CHECK(world.answer(save) == "ok");
}

TEST_CASE("stop: somebody's shutdown that is waited for goes on") {
  auto world = with(running());
  world.domain("a").shutdown_takes = 20s;
  const auto id = world.request(RequestKind::shutdown, "a");
  world.deliver();
  world.end_session(300);
  world.pass(21);
  CHECK(world.answer(id) == "ok");
  CHECK(world.supervisor().session_over());
}

TEST_CASE("stop: a VM that its policy leaves running is not shown as that while it starts, and may never run") {
  World world;
  world.define("a", {.policy = {{"stop_actions", {"leave"}}}});
  world.domain("a").start_takes = 5s;
  world.domain("a").dies_at_once = true;
  world.connect();
  world.request(RequestKind::start, "a");
  world.request_stop_all();
  CHECK(world.phase("a") == "starting");
  world.pass(10);
  CHECK(world.phase("a") == "inactive");
}
