// SPDX-License-Identifier: LGPL-2.1-or-later
#include "world.hpp"

#include <doctest/doctest.h>

using namespace virtsession;
using nlohmann::json;

// What an instance leaves for the next one.

TEST_CASE("next instance: it starts nothing again, and what was stopped stays stopped") {
  World world;
  world.define("up", {.autostart = true});
  world.define("stopped", {.autostart = true});
  world.define("stopped meanwhile", {.autostart = true});
  world.define("flagged meanwhile");
  world.connect();
  world.deliver();
  world.foreign_shutdown("stopped");
  world.restart_supervisor();
  world.foreign_destroy("stopped meanwhile");
  world.set_flag("flagged meanwhile", true);
  world.connect();
  CHECK(world.pending().empty());
  CHECK(world.phase("up") == "running");
  CHECK(world.intent("up") == "up");
  CHECK(world.view("up").started_usec > 0);
  CHECK(world.phase("stopped") == "inactive");
  CHECK(world.intent("stopped") == "down");
  CHECK(world.intent("stopped meanwhile") == "down");
  CHECK(world.phase("flagged meanwhile") == "inactive");
  CHECK(world.autostart_state() == "done");
}

TEST_CASE("next instance: it goes on with what was queued, in its order") {
  World world;
  world.define("first", {.autostart = true, .policy = {{"start_order", 1}}});
  world.define("second", {.autostart = true, .policy = {{"start_order", 2}}});
  world.define("disk", {.autostart = true, .policy = {{"start_if_paths", {"/mnt"}}}});
  world.define("no more", {.autostart = true, .policy = {{"start_order", 3}}});
  world.connect();
  CHECK(world.pending() == Strings{"start first"});
  world.restart_supervisor();
  world.set_flag("no more", false);
  world.connect();
  CHECK(world.pending() == Strings{"start first"});
  world.deliver();
  CHECK(world.phase("second") == "running");
  CHECK(world.phase("disk") == "waiting");
  CHECK(world.phase("no more") == "inactive");
  world.facts({.paths = {{"/mnt", {.exists = true}}}});
  world.deliver();
  CHECK(world.phase("disk") == "running");
}

TEST_CASE("next instance: nothing is kept of a VM that nobody uses, and it is shown as before") {
  World world;
  world.define("unused");
  world.define("used");
  world.define("started meanwhile");
  world.connect();
  const auto since = world.view("unused").phase_since_usec;
  CHECK(since > 0);
  world.foreign_start("used");
  world.pass(60);
  const auto kept = world.kept().login;
  CHECK(kept.at("vms").size() == 1);
  CHECK(kept.at("vms").contains(world.uuid("used")));
  world.restart_supervisor();
  world.foreign_start("started meanwhile");
  world.connect();
  CHECK(world.phase("unused") == "inactive");
  CHECK(world.intent("unused") == "none");
  CHECK(world.view("unused").phase_since_usec == since);
  CHECK(world.view("started meanwhile").started_usec > since);
  world.restart_supervisor();
  world.connect();
  CHECK(world.view("unused").phase_since_usec == since);
}

TEST_CASE("next instance: it forgets neither before it has met libvirt") {
  World world;
  world.define("a", {.autostart = true, .policy = {{"start_if_ac_power", true}}});
  world.connect();
  world.restart_supervisor();
  world.restart_supervisor();
  world.connect();
  CHECK(world.phase("a") == "waiting");
}

TEST_CASE("next instance: VMs that were started while it was away are wanted, a guest that shuts down is let") {
  World world;
  world.define("started");
  world.define("stopping", {.running = true});
  world.domain("stopping").ignores_shutdown = true;
  world.connect();
  world.request(RequestKind::shutdown, "stopping");
  world.deliver();
  world.restart_supervisor();
  world.foreign_start("started");
  world.connect();
  CHECK(world.intent("started") == "up");
  CHECK(world.phase("stopping") == "running");
  world.foreign_shutdown("stopping");
  CHECK(world.phase("stopping") == "inactive");
  CHECK(world.intent("stopping") == "down");
}

TEST_CASE("next login: what was up is known by uuid") {
  World world;
  const json policy = {{"start", "was-running"}};
  world.define("up", {.policy = policy, .running = true});
  world.define("off", {.policy = policy, .running = true});
  world.define("transient", {.persistent = false, .running = true});
  world.connect();
  world.foreign_shutdown("off");
  const auto kept = world.supervisor().kept_state();
  CHECK(kept.lasting == json{{"up", {world.uuid("up")}}});
  world.foreign_destroy("up");  // the host goes down
  world.start_supervisor({json::object(), kept.lasting});
  CHECK_MESSAGE(world.supervisor().kept_state().lasting == kept.lasting, "a login without libvirt loses nothing");
  world.connect();
  world.deliver();
  CHECK(world.started() == Strings{"up"});

  SUBCASE("it was used: what is off now is off, also for the next instance and when autostart is asked for") {
    world.foreign_shutdown("up");
    world.request_autostart();
    CHECK(world.pending().empty());
    world.foreign_start("up");
    world.restart_supervisor();
    world.connect();
    world.foreign_shutdown("up");
    CHECK(world.answer(world.request_autostart()) == "ok");
    CHECK(world.pending().empty());
    CHECK(world.phase("up") == "inactive");
  }
}

TEST_CASE("next instance: any kind of damage to what was kept is survived") {
  const char* damaged[] = {
      "null",
      "[]",
      "5",
      "\"text\"",
      "{}",
      "true",
      R"({"autostart_begun": "yes", "vms": []})",
      R"({"autostart_begun": true, "vms": "none"})",
      R"({"autostart_begun": true, "vms": {"UUID": null}})",
      R"({"autostart_begun": true, "vms": {"UUID": []}})",
      R"({"autostart_begun": true, "vms": {"UUID": {"id": "seven"}}})",
      R"({"autostart_begun": true, "vms": {"UUID": {"id": 1e300, "restart_count": -1, "started_usec": "x"}}})",
      R"({"autostart_begun": true, "vms": {"UUID": {"id": 1, "intent": 5}}})",
      R"({"autostart_begun": true, "vms": {"UUID": {"id": 1, "intent": "sideways", "last_error": []}}})",
      R"({"autostart_begun": true, "vms": {"UUID": {"task": "yes", "marked": 3}}})",
      R"({"autostart_begun": true, "vms": {"UUID": {"task": true, "marked": 3}}})",
      R"({"autostart_begun": true, "vms": {"UUID": {"task": {"cause": 1, "ordered": "x"}}}})",
      R"({"autostart_begun": true, "vms": {"UUID": {"task": []}}})",
      R"({"autostart_begun": true, "vms": {"UUID": {"gave_up": true}}})",
      R"({"autostart_begun": true, "vms": {"UUID": {"not_ready": 1, "id": 99999999999999999999}}})",
      R"({"autostart_begun": true, "vms": {"UUID": {"restart_count": 1e300}}})",
      R"({"autostart_begun": true, "stop": true})",
      R"({"autostart_begun": true, "stop": {}})",
      R"({"autostart_begun": true, "stop": {"deadline_usec": 5}})",
      R"({"autostart_begun": true, "stop": {"deadline_usec": -5, "begun_usec": "x"}})",
      R"({"autostart_begun": true, "stop": {"deadline_usec": 18446744073709551615, "begun_usec": 1}})",
      R"({"autostart_begun": true, "stop": {"deadline_usec": 9223372036854775807, "begun_usec": 9223372036854775807}})",
      R"({"autostart_begun": true, "vms": {"UUID": {"id": 1, "hold": 5}}})",
      R"({"autostart_begun": true, "power": 5, "vms": {"UUID": {"id": 1, "hold": {"for": 5, "action": "none"}}}})",
      R"({"autostart_begun": true, "vms": {"UUID": {"id": -1, "hold": {"for": "the host's sleep", "action": "hibernate"}}}})",
      R"({"up": 5})",
      R"({"up": [1, null, {}, "UUID"]})",
      R"({"up": {"UUID": true}})",
  };
  for (const std::string text : damaged)
    for (const bool active : {false, true}) {
      CAPTURE(text);
      CAPTURE(active);
      World world;
      const bool is_new = text == "{}";
      world.define(
          "a", {.autostart = !is_new, .policy = {{"start", "was-running"}, {"restart", "always"}}, .running = active});
      auto good = text;
      for (auto at = good.find("UUID"); at != std::string::npos; at = good.find("UUID"))
        good.replace(at, 4, world.uuid("a"));
      const auto kept = json::parse(good);
      CHECK_FALSE(Supervisor::is_in_stop({kept, kept}));
      world.start_supervisor({kept, kept});
      world.connect();
      world.pass(1000);
      CHECK(world.phase("a") == (world.running("a") ? "running" : "inactive"));
      if (active) CHECK(world.intent("a") == "up");
      if (!active && !is_new) CHECK_FALSE(world.running("a"));
      CHECK(world.autostart_state() != "running");
      const auto again = world.supervisor().kept_state();
      CHECK(again.login["autostart_begun"] == true);
    }
}

TEST_CASE("next instance: what libvirt says in no known encoding can be kept") {
  World world;
  world.define("a", {.autostart = true, .policy = {{"start_retries", 0}}});
  world.domain("a").start_failures = {"bad \xff\xfe path"};
  world.connect();
  world.deliver();
  REQUIRE(world.phase("a") == "gave-up");
  CHECK_NOTHROW(world.supervisor().kept_state().login.dump());
  world.restart_supervisor();
  world.connect();
  CHECK(world.phase("a") == "gave-up");
}
