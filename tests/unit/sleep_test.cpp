// SPDX-License-Identifier: LGPL-2.1-or-later
#include "world.hpp"

#include <doctest/doctest.h>

using namespace virtsession;
using namespace std::chrono_literals;
using nlohmann::json;

// The host sleeps and wakes up.

namespace {

World sleeper(const json& policy, bool agent = false) {
  World world;
  world.define("a", {.policy = policy, .running = true});
  if (agent) world.connect_agent("a");
  world.connect();
  return world;
}

const json kPause = {{"sleep", "pause"}};
const json kSave = {{"sleep", "save"}};

bool wants_lock(World& world) { return world.supervisor().wants_sleep_lock(); }

}  // namespace

TEST_CASE("sleep: a VM that is left as it is holds up nothing, and gets the time") {
  auto world = sleeper(json::object(), true);
  CHECK_FALSE(wants_lock(world));
  world.sleep();
  CHECK(world.pending().empty());
  world.pass(3600);
  world.wake_up();
  CHECK(world.pending() == Strings{"set the clock of a"});
  const auto woken = world.now().wall_usec;
  world.deliver();
  CHECK(world.domain("a").clock_settings == std::vector<std::uint64_t>{woken});
  world.refresh("a");
  world.pass(100);
  CHECK(world.domain("a").clock_settings.size() == 1);
}

TEST_CASE("sleep: a VM is paused before, and goes on after it") {
  auto world = sleeper(kPause, true);
  CHECK(wants_lock(world));
  world.sleep();
  CHECK(world.pending() == Strings{"pause a"});
  CHECK(wants_lock(world));
  world.deliver();
  CHECK_FALSE(wants_lock(world));
  CHECK(world.phase("a") == "paused");
  CHECK(world.reason("a") == "paused for the host's sleep");
  world.wake_up();
  CHECK(world.pending() == Strings{"resume a"});
  world.deliver();
  CHECK(world.reason("a") == "running");
  CHECK(world.domain("a").clock_settings.size() == 1);
  CHECK(wants_lock(world));
}

TEST_CASE("sleep: a VM is saved before, and started after it") {
  auto world = sleeper(kSave);
  world.domain("a").save_takes = 3s;
  world.sleep();
  CHECK(world.pending() == Strings{"save a"});
  CHECK(world.phase("a") == "saving");
  CHECK(world.reason("a") == "being saved for the host's sleep");
  world.pass(2);
  CHECK(wants_lock(world));
  world.pass(2);
  CHECK_FALSE(wants_lock(world));
  CHECK(world.phase("a") == "inactive");
  CHECK(world.intent("a") == "up");
  CHECK(world.history("a").back().cause == "the host's sleep");
  CHECK(world.supervisor().kept_state().lasting == json{{"up", {world.uuid("a")}}});
  world.wake_up();
  CHECK(world.pending() == Strings{"start a"});
  world.deliver();
  CHECK(world.phase("a") == "running");
  CHECK(world.history("a").back().cause == "the host woke up");
  CHECK(world.domain("a").clock_settings.empty());
  world.connect_agent("a");
  world.deliver();
  CHECK_MESSAGE(world.domain("a").clock_settings.size() == 1, "its agent comes up later");
}

TEST_CASE("sleep: a save that is not over when the host wakes up is ended and undone") {
  auto world = sleeper(kSave);
  world.domain("a").save_takes = 10s;
  world.domain("a").cannot_abort = true;
  world.sleep();
  world.pass(5);
  world.wake_up();
  CHECK(world.pending() == Strings{"save a"});
  world.pass(6);
  CHECK(world.running("a"));
  CHECK(world.started() == Strings{"a"});
}

TEST_CASE("sleep: what cannot be saved is paused") {
  SUBCASE("because libvirt cannot") {
    auto world = sleeper(kSave);
    world.domain("a").snapshot.save_blocker = "it has a host device";
    world.refresh("a");
    world.sleep();
    CHECK(world.pending() == Strings{"pause a"});
  }
  SUBCASE("because it fails") {
    auto world = sleeper(kSave);
    world.domain("a").save_failure = "no space";
    world.sleep();
    world.deliver();
    CHECK(world.reason("a") == "paused for the host's sleep");
    CHECK(world.view("a").last_error == "failed to save for the host's sleep: no space");
    world.wake_up();
    world.deliver();
    CHECK(world.reason("a") == "running");
  }
  SUBCASE("but not when the host is awake again") {
    auto world = sleeper(kSave);
    world.domain("a").save_failure = "no space";
    world.sleep();
    world.wake_up();
    world.deliver();
    CHECK(world.phase("a") == "running");
    CHECK(world.domain("a").snapshot.state == DomainState::running);
  }
}

TEST_CASE("sleep: what could not be paused runs on, and tells so") {
  auto world = sleeper(kPause);
  world.domain("a").any_failure = "monitor is gone";
  world.sleep();
  world.deliver();
  CHECK_FALSE(wants_lock(world));
  CHECK(world.view("a").last_error == "failed to pause for the host's sleep: monitor is gone");
  world.wake_up();
  CHECK(world.pending().empty());
  world.kill_qemu("a");
  CHECK(world.reason("a").starts_with("QEMU crashed"));
}

TEST_CASE("sleep: only what was done for it is undone") {
  SUBCASE("somebody had paused it") {
    auto world = sleeper(kPause);
    world.request(RequestKind::pause, "a");
    world.deliver();
    world.sleep();
    world.wake_up();
    CHECK(world.pending().empty());
  }
  SUBCASE("somebody resumed it and paused nothing") {
    auto world = sleeper(kPause);
    world.sleep();
    world.deliver();
    world.request(RequestKind::resume, "a");
    world.deliver();
    world.wake_up();
    CHECK(world.pending().empty());
  }
  SUBCASE("somebody powered it off") {
    auto world = sleeper(kPause);
    world.sleep();
    world.deliver();
    world.foreign_destroy("a");
    CHECK(world.intent("a") == "down");
    world.wake_up();
    world.deliver();
    CHECK(world.started().empty());
    CHECK(world.phase("a") == "inactive");
  }
  SUBCASE("somebody dropped what was saved") {
    auto world = sleeper(kSave);
    world.sleep();
    world.deliver();
    world.domain("a").snapshot.managed_save = false;
    world.refresh("a");
    world.wake_up();
    CHECK(world.pending().empty());
  }
  SUBCASE("a VM that was off stays off") {
    World world;
    world.define("a", {.policy = kSave});
    world.connect();
    CHECK_FALSE(wants_lock(world));
    world.sleep();
    world.wake_up();
    CHECK(world.pending().empty());
  }
  SUBCASE("a transient one is left alone") {
    World world;
    world.define("a", {.policy = kPause, .persistent = false, .running = true});
    world.connect();
    CHECK_FALSE(wants_lock(world));
    world.sleep();
    world.wake_up();
    CHECK(world.pending().empty());
  }
}

TEST_CASE("sleep: who wants the VM saved while it is saved is answered with it") {
  auto world = sleeper(kSave);
  world.domain("a").save_takes = 3s;
  world.sleep();
  const auto id = world.request(RequestKind::save, "a");
  world.pass(6);
  CHECK(world.answer(id) == "ok");
}

TEST_CASE("sleep: the next instance undoes it") {
  for (const auto& policy : {kPause, kSave}) {
    CAPTURE(policy.dump());
    auto world = sleeper(policy);
    world.sleep();
    world.deliver();
    world.restart_supervisor();
    world.connect();
    world.deliver();
    CHECK(world.running("a"));
    CHECK(world.domain("a").snapshot.state == DomainState::running);
    CHECK(world.phase("a") == "running");
  }
}

TEST_CASE("sleep: libvirt is lost meanwhile") {
  for (const bool executed : {false, true}) {
    for (const auto& policy : {kPause, kSave}) {
      CAPTURE(executed);
      CAPTURE(policy.dump());
      auto world = sleeper(policy);
      world.set_policy("a", {{"sleep", policy["sleep"]}, {"restart", "always"}});
      world.sleep();
      world.lose_libvirt(executed);
      CHECK_FALSE(wants_lock(world));
      world.wake_up();
      world.connect();
      world.deliver();
      CHECK(world.running("a"));
      CHECK(world.domain("a").snapshot.state == DomainState::running);
      world.kill_qemu("a");
      CHECK_MESSAGE(world.phase("a") == "backoff", "a save that came to nothing is no excuse for a crash");
    }
  }
}

TEST_CASE("sleep: the guest's time is set only when it may be, and can") {
  SUBCASE("its policy does not want it") {
    auto world = sleeper({{"resume_sync_time", false}}, true);
    world.sleep();
    world.wake_up();
    CHECK(world.pending().empty());
  }
  SUBCASE("it has no channel for an agent") {
    World world;
    world.define("a", {.running = true, .agent_channel = false});
    world.connect();
    world.sleep();
    world.wake_up();
    CHECK(world.pending().empty());
  }
  SUBCASE("it fails: the VM runs all the same, and it is tried once") {
    auto world = sleeper(json::object(), true);
    world.domain("a").agent_failure = "the agent is old";
    world.sleep();
    world.wake_up();
    world.deliver();
    world.refresh("a");
    CHECK(world.pending().empty());
    CHECK(world.view("a").last_error.empty());
    CHECK(world.journal("a", Incident::phase).back() == "its clock could not be set: the agent is old");
  }
  SUBCASE("it went on from what somebody had saved") {
    auto world = sleeper(json::object());
    world.foreign_save("a");
    world.foreign_start("a");
    world.connect_agent("a");
    CHECK(world.pending() == Strings{"set the clock of a"});
  }
  SUBCASE("it has booted anew") {
    auto world = sleeper(json::object());
    world.foreign_shutdown("a");
    world.foreign_start("a");
    world.connect_agent("a");
    CHECK(world.pending().empty());
  }
}

TEST_CASE("sleep: a stop that begins then wins") {
  SUBCASE("all are stopped while one is saved: it does not go on later") {
    auto world = sleeper(kSave);
    world.domain("a").save_takes = 5s;
    world.sleep();
    const auto id = world.request_stop_all();
    world.pass(6);
    CHECK(world.answer(id) == "ok");
    world.wake_up();
    world.pass(100);
    CHECK(world.started().empty());
    CHECK(world.intent("a") == "down");
  }
  SUBCASE("all are stopped when one was saved") {
    auto world = sleeper(kSave);
    world.sleep();
    world.deliver();
    CHECK(world.answer(world.request_stop_all()) == "ok");
    world.wake_up();
    CHECK(world.pending().empty());
    CHECK(world.intent("a") == "down");
  }
  SUBCASE("the session ends: it was up for the next login") {
    auto world = sleeper(kSave);
    world.sleep();
    world.deliver();
    world.end_session(100);
    CHECK(world.supervisor().session_over());
    world.wake_up();
    CHECK(world.pending().empty());
    CHECK(world.supervisor().kept_state().lasting == json{{"up", {world.uuid("a")}}});
  }
  SUBCASE("a paused one is asked to shut down") {
    auto world = sleeper(kPause);
    world.sleep();
    world.end_session(100);
    world.deliver();
    CHECK(world.stops() == Strings{"button a"});
    CHECK(world.supervisor().session_over());
  }
  SUBCASE("nothing is paused when a session that ends is told of a sleep") {
    auto world = sleeper(kPause);
    world.domain("a").shutdown_takes = 5s;
    world.end_session(100);
    world.deliver();
    world.sleep();
    CHECK(world.pending().empty());
    CHECK_FALSE(wants_lock(world));
  }
}
