// SPDX-License-Identifier: LGPL-2.1-or-later
#include "world.hpp"

#include <doctest/doctest.h>

using namespace virtsession;

// virt-manager renames a VM by undefining it and defining it anew with the same uuid.

TEST_CASE("defined again: the same uuid within seconds is the same VM") {
  World world;
  world.define(
      "a", {.policy = {{"restart", "on-failure"}, {"restart_limit", 1}, {"restart_delay_sec", 0}}, .running = true});
  world.connect();
  world.kill_qemu("a");
  world.pass(1);
  world.deliver();
  world.kill_qemu("a");
  REQUIRE(world.phase("a") == "gave-up");
  const auto before = world.view("a");
  auto domain = world.domain("a");
  world.undefine("a");
  CHECK_FALSE(world.exists("a"));

  SUBCASE("at once") {
    domain.snapshot.name = "b";
    world.add(domain);
    CHECK(world.phase("b") == "gave-up");
    CHECK(world.intent("b") == to_text(before.intent));
    CHECK(world.view("b").last_error == before.last_error);
    CHECK(world.view("b").restart_count == before.restart_count);
    CHECK(world.history("b").size() > 3);
  }
  SUBCASE("much later it is a new one") {
    world.pass(3600);
    world.add(domain);
    CHECK(world.phase("a") == "inactive");
    CHECK(world.view("a").last_error.empty());
  }
}

TEST_CASE("defined again: a VM that somebody stopped stays one that is to be off") {
  World world;
  world.define("a", running());
  world.connect();
  world.request(RequestKind::power_off, "a");
  world.deliver();
  REQUIRE(world.intent("a") == "down");
  auto domain = world.domain("a");
  world.undefine("a");
  world.add(domain);
  CHECK(world.intent("a") == "down");
  CHECK(world.reason("a") == "defined again");
}

TEST_CASE("defined again: what was under way with it is over") {
  World world;
  world.define("a");
  world.connect();
  world.domain("a").start_takes = std::chrono::seconds(5);
  const auto domain = world.domain("a");
  world.request(RequestKind::start, "a");
  world.request(RequestKind::stop, "a");
  REQUIRE(world.phase("a") == "stopping");
  world.undefine("a");
  world.pass(6);  // the start has failed meanwhile: there was no such domain
  world.add(domain);
  CHECK(world.phase("a") == "inactive");
  CHECK(world.autostart_state() == "done");
}
