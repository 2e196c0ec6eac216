// SPDX-License-Identifier: LGPL-2.1-or-later
#include "world.hpp"

#include <doctest/doctest.h>

using namespace virtsession;
using namespace std::chrono_literals;
using nlohmann::json;

// What a session that ends leaves to the next instance, and to the next login.

TEST_CASE("next instance: it goes on with a stop that was under way, to the same deadline") {
  World world;
  define_chain(world, 1s);
  world.define("off");
  world.domain("app").snapshot.in_job = true;
  world.connect();
  world.end_session(100);
  world.pass(15);
  CHECK_FALSE(world.running("web"));
  const auto kept = world.supervisor().kept_state();
  CHECK(Supervisor::is_in_stop(kept));
  CHECK(kept.lasting["up"].size() == 3);
  world.restart_supervisor();
  CHECK(world.stop_state() == "running");
  CHECK(world.supervisor().session_end() == world.now().steady + 85s);
  CHECK_FALSE(world.supervisor().session_over());
  world.pass(1);
  CHECK_MESSAGE(world.replacements().empty(), "it was given no time to be reached");
  world.connect();
  CHECK(world.answer(world.request(RequestKind::start, "off")) == "ShuttingDown");
  CHECK(world.supervisor().kept_state().lasting == kept.lasting);
  world.domain("app").snapshot.in_job = false;
  world.refresh("app");
  world.pass(30);
  CHECK(world.stops() == Strings{"button web", "button app", "button db"});
  CHECK(world.supervisor().session_over());

  SUBCASE("what is kept then is for the next login: it starts what is marked, and what was up") {
    const auto after = world.supervisor().kept_state();
    CHECK(after.login == json::object());
    CHECK(after.lasting == kept.lasting);
    world.set_policy("web", {{"start", "was-running"}});
    world.set_policy("off", {{"start", "was-running"}});
    world.set_flag("db", true);
    world.start_supervisor(after);
    world.connect();
    world.deliver();
    CHECK(world.started() == Strings{"db", "web"});
  }
}

TEST_CASE("next instance: a stop goes on without libvirt, to its deadline") {
  World world;
  define_chain(world);
  world.connect();
  world.end_session(100);
  world.lose_libvirt();
  world.restart_supervisor();
  world.pass(5.5);
  CHECK(world.replacements().size() == 1);
  CHECK_FALSE(world.supervisor().session_over());
  world.pass(95);
  CHECK(world.supervisor().session_over());
}

TEST_CASE("next login: what was being started when the session ended is up") {
  World world;
  const json policy = {{"start", "was-running"}, {"start_after", {"db"}}};
  world.define("db", {.autostart = true});
  world.define("app", {.autostart = true, .policy = policy});
  world.domain("db").start_takes = 10s;
  world.connect();
  world.end_session(100);
  CHECK(world.phase("app") == "inactive");
  CHECK(world.reason("app") == "not started: the end of the session");
  world.pass(20);
  CHECK(world.supervisor().kept_state().lasting == json{{"up", {world.uuid("db"), world.uuid("app")}}});
}

TEST_CASE("next login: a session that ends before libvirt was reached loses nothing") {
  World world;
  world.define("a", {.policy = {{"start", "was-running"}}});
  const json up = {{"up", {world.uuid("a")}}};
  world.start_supervisor({json::object(), up});
  world.end_session(100);
  CHECK(world.supervisor().session_over());
  CHECK(world.supervisor().kept_state().lasting == up);
}
