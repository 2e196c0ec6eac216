// SPDX-License-Identifier: LGPL-2.1-or-later
#include "world.hpp"

#include <doctest/doctest.h>

using namespace virtsession;
using nlohmann::json;

namespace {

struct End {
  std::string what;
  void (World::*happens)(const std::string&);
  bool restarted_on_failure;
  bool restarted_always;
  bool known_later;  ///< whether libvirt tells it apart afterwards, too
};

const End kEnds[] = {
    {"SIGKILL", &World::kill_qemu, true, true, true},
    {"panic", &World::panic, true, true, true},
    {"SIGTERM", &World::terminate_qemu, false, true, false},
    {"destroy", &World::foreign_destroy, false, false, true},
    {"shutdown", &World::foreign_shutdown, false, false, true},
    {"save", &World::foreign_save, false, false, true},
};

enum class Meanwhile { nothing, libvirt_away, supervisor_away };

}  // namespace

TEST_CASE("crash: what is restarted, by policy and by how it ended, also when nobody looked") {
  for (const auto meanwhile : {Meanwhile::nothing, Meanwhile::libvirt_away, Meanwhile::supervisor_away})
    for (const std::string policy : {"no", "on-failure", "always"})
      for (const auto& end : kEnds) {
        CAPTURE(static_cast<int>(meanwhile));
        CAPTURE(policy);
        CAPTURE(end.what);
        auto world = with(running({{"restart", policy}}));
        if (meanwhile != Meanwhile::nothing) world.lose_libvirt();
        (world.*end.happens)("a");
        if (meanwhile == Meanwhile::supervisor_away) world.restart_supervisor();
        if (meanwhile != Meanwhile::nothing) world.connect();
        bool restarted = policy == "always"       ? end.restarted_always
                         : policy == "on-failure" ? end.restarted_on_failure
                                                  : false;
        if (meanwhile != Meanwhile::nothing && !end.known_later) restarted = false;
        CHECK(world.phase("a") == (restarted ? "backoff" : "inactive"));
        world.pass(10);
        CHECK(world.phase("a") == (restarted ? "running" : "inactive"));
        CHECK(world.started().size() == (restarted ? 1 : 0));
        CHECK(world.view("a").restart_count == (restarted ? 1 : 0));
        if (restarted) CHECK(world.journal("a", Incident::started) == Strings{"started (restart policy)"});
      }
}

TEST_CASE("crash: it is told what happened and what follows") {
  auto world = with(running({{"restart", "on-failure"}, {"restart_limit", 3}}));
  world.kill_qemu("a");
  CHECK(world.reason("a") == "QEMU crashed; restart 1 of 3 follows");
  CHECK(world.view("a").last_error == "QEMU crashed");
  CHECK(world.history("a").back().cause == "crash");
  CHECK(world.journal("a", Incident::crashed) == Strings{"QEMU crashed"});
  world.pass(10);
  CHECK(world.view("a").last_error == "");
  world.panic("a");
  CHECK(world.reason("a") == "the guest panicked; restart 2 of 3 follows");
  auto quiet = with(running());
  quiet.kill_qemu("a");
  CHECK(quiet.reason("a") == "QEMU crashed; its policy does not restart it");
}

TEST_CASE("crash: a guest that panicked, was left running and has rebooted did not end by its panic") {
  auto world = with(running());
  world.event("a", DomainEventKind::panicked);
  CHECK(world.phase("a") == "running");
  world.event("a", DomainEventKind::rebooted);
  world.kill_qemu("a");
  CHECK(world.reason("a") == "QEMU crashed; its policy does not restart it");
}

TEST_CASE("crash: a loop of crashes ends in gave-up, with growing waits and a notice") {
  auto world = with(running({{"restart", "on-failure"}, {"restart_limit", 3}, {"restart_delay_sec", 10}}));
  double waits[3] = {};
  for (auto& wait : waits) {
    world.kill_qemu("a");
    REQUIRE(world.phase("a") == "backoff");
    wait = std::chrono::duration<double>(*world.supervisor().wake() - world.now().steady).count();
    world.pass(60);
    REQUIRE(world.phase("a") == "running");
  }
  CHECK(waits[0] >= 7.9);
  CHECK(waits[0] <= 12.1);
  CHECK(waits[1] >= 15.9);
  CHECK(waits[1] <= 24.1);
  CHECK(waits[2] >= 31.9);
  CHECK(world.view("a").restart_count == 3);
  world.kill_qemu("a");
  CHECK(world.phase("a") == "gave-up");
  CHECK(world.reason("a") == "QEMU crashed, and was restarted 3 times within 600 s before");
  CHECK(world.has_notice("a", Incident::gave_up));
  world.pass(100000);
  CHECK(world.started().size() == 3);
  CHECK(world.answer(world.request(RequestKind::start, "a")) == "");
  world.deliver();
  CHECK(world.view("a").restart_count == 0);
  world.kill_qemu("a");
  CHECK_MESSAGE(world.phase("a") == "backoff", "a start by hand gives it its restarts back");
}

TEST_CASE("crash: restarts that lie outside the window do not count") {
  auto world = with(running({{"restart", "always"}, {"restart_limit", 1}, {"restart_window_sec", 100}}));
  for (int i = 0; i < 5; ++i) {
    world.kill_qemu("a");
    CHECK(world.phase("a") == "backoff");
    world.pass(101);
    CHECK(world.phase("a") == "running");
  }
  CHECK(world.view("a").restart_count == 5);
}

TEST_CASE("crash: a restart that fails is retried like a start, and given up like one") {
  auto world = with(running({{"restart", "on-failure"}, {"start_retries", 1}}));
  world.domain("a").start_always_fails = true;
  world.kill_qemu("a");
  world.pass(1000);
  CHECK(world.started().size() == 2);
  CHECK(world.phase("a") == "gave-up");
}

TEST_CASE("crash: a restart waits for no order, but for conditions") {
  World world;
  world.define("first", {.autostart = true, .policy = {{"start_ready", "delay"}, {"start_ready_delay_sec", 1000}}});
  world.define("a",
               {.policy = {{"restart", "always"}, {"start_order", 10}, {"start_after", {"first"}}}, .running = true});
  world.define("b", {.policy = {{"restart", "always"}, {"start_if_ac_power", true}}, .running = true});
  world.connect();
  world.kill_qemu("a");
  world.kill_qemu("b");
  world.pass(10);
  CHECK(world.phase("a") == "running");
  CHECK(world.reason("b") == "waits for AC power");
  world.facts({.on_ac_power = true});
  world.deliver();
  CHECK(world.phase("b") == "running");
}

TEST_CASE("crash: a restart that waits is ended by a stop, a reset, or somebody's start") {
  auto world = with(running({{"restart", "on-failure"}, {"restart_delay_sec", 100}}));
  world.kill_qemu("a");
  REQUIRE(world.phase("a") == "backoff");
  SUBCASE("stopped") {
    CHECK(world.answer(world.request(RequestKind::shutdown, "a")) == "ok");
    CHECK(world.phase("a") == "inactive");
    CHECK(world.intent("a") == "down");
  }
  SUBCASE("reset") {
    CHECK(world.answer(world.request(RequestKind::reset_failed, "a")) == "ok");
    CHECK(world.phase("a") == "inactive");
    CHECK(world.view("a").restart_count == 0);
  }
  SUBCASE("started by hand") {
    world.request(RequestKind::start, "a");
    world.deliver();
    CHECK(world.phase("a") == "running");
  }
  SUBCASE("started by another client") {
    world.foreign_start("a");
    CHECK(world.phase("a") == "running");
  }
  const auto started = world.started().size();
  world.pass(10000);
  CHECK(world.started().size() == started);
}

TEST_CASE("crash: QEMU that dies while we stop it was stopped") {
  for (const auto kind : {RequestKind::shutdown, RequestKind::save, RequestKind::power_off}) {
    auto world = with(running({{"restart", "always"}}));
    world.domain("a").ignores_shutdown = true;
    world.request(kind, "a");
    world.kill_qemu("a");
    world.deliver();
    CHECK(world.phase("a") == "inactive");
    CHECK(world.intent("a") == "down");
    CHECK(world.unanswered() == 0);
  }
}

TEST_CASE("crash: a VM whose shutdown was given up on is restarted when it crashes later") {
  auto world = with(running({{"restart", "on-failure"}}));
  world.domain("a").ignores_shutdown = true;
  world.request(RequestKind::shutdown, "a");
  world.pass(100);
  world.kill_qemu("a");
  CHECK(world.phase("a") == "backoff");
}

TEST_CASE("crash: the next instance goes on with a restart that was to come, as that") {
  auto world = with(running({{"restart", "on-failure"}}));
  world.kill_qemu("a");
  REQUIRE(world.phase("a") == "backoff");
  world.restart_supervisor();
  world.connect();
  world.pass(5);
  CHECK(world.phase("a") == "running");
  CHECK(world.view("a").restart_count == 1);
  CHECK(world.journal("a", Incident::started) == Strings{"started (restart policy)"});
}

TEST_CASE("crash: a VM that was killed for want of memory says so, and its restart waits for memory") {
  VmSpec spec = running({{"restart", "on-failure"}});
  spec.memory_mib = 2000;
  auto world = with(spec);
  world.kill_for_memory("a");
  CHECK(world.reason("a") == "QEMU was killed: memory ran out; restart 1 of 5 follows");
  CHECK(world.journal("a", Incident::crashed) == Strings{"QEMU was killed: memory ran out"});
  world.pass(10);
  CHECK(world.phase("a") == "waiting");
  CHECK(world.supervisor().wanted_facts().memory);
  world.facts({.available_memory_mib = 1999});
  CHECK(world.reason("a") == "waits for 2000 MiB of free memory (now 1999 MiB)");
  world.restart_supervisor();  // which knows it as well
  world.connect();
  world.facts({.available_memory_mib = 1999});
  world.pass(10);
  CHECK(world.reason("a") == "waits for 2000 MiB of free memory (now 1999 MiB)");
  world.facts({.available_memory_mib = 2000});
  world.pass(10);
  CHECK(world.phase("a") == "running");

  world.pass(60);
  world.kill_qemu("a");  // long after the kernel killed for memory
  CHECK(world.reason("a").starts_with("QEMU crashed"));
}

TEST_CASE("crash: two VMs that were killed for want of memory do not start into room for one") {
  VmSpec spec = running({{"restart", "on-failure"}});
  spec.memory_mib = 2000;
  World world;
  for (const auto* name : {"a", "b"}) world.define(name, spec);
  world.connect();
  for (const auto* name : {"a", "b"}) world.kill_for_memory(name);
  world.pass(10);
  world.facts({.available_memory_mib = 2500});
  world.tick();
  CHECK(world.pending() == Strings{"start a"});
  CHECK(world.reason("b") == "waits for 2000 MiB of free memory (now 500 MiB)");
}
