// SPDX-License-Identifier: LGPL-2.1-or-later
#include "laptop.hpp"

#include <doctest/doctest.h>

using namespace virtsession;
using namespace std::chrono_literals;
using nlohmann::json;

// The host runs on its battery while something else goes on: a restart, a lost libvirt, a sleep, a stop.

TEST_CASE("battery: the next instance knows who paused or saved a VM, and what the host ran on") {
  for (const auto& policy : {kPauseOnBattery, kSaveOnBattery}) {
    CAPTURE(policy.dump());
    auto world = laptop_with(policy);
    runs_on(world, kOnBattery);
    world.restart_supervisor();
    world.connect();
    runs_on(world, kOnBattery);
    CHECK(laptop_state(world) != "running");
    CHECK(world.reason("a").ends_with("on battery power"));
    runs_on(world, kOnMains);
    CHECK(laptop_state(world) == "running");
  }
  SUBCASE("a VM that was resumed before is left alone") {
    auto world = laptop_with(kPauseOnBattery);
    runs_on(world, kOnBattery);
    world.request(RequestKind::resume, "a");
    world.deliver();
    world.restart_supervisor();
    world.connect();
    runs_on(world, kOnBattery);
    CHECK(laptop_state(world) == "running");
  }
  SUBCASE("a plug that was pulled meanwhile counts") {
    auto world = laptop_with(kPauseOnBattery);
    world.restart_supervisor();
    world.connect();
    runs_on(world, kOnBattery);
    CHECK(laptop_state(world) == "paused");
  }
}

TEST_CASE("battery: libvirt is lost while it is asked") {
  for (const bool executed : {false, true}) {
    for (const auto& policy : {kPauseOnBattery, kSaveOnBattery}) {
      CAPTURE(executed);
      CAPTURE(policy.dump());
      auto world = laptop_with(policy);
      world.domain("a").save_takes = 100s;
      world.hang_libvirt();
      world.facts(kOnBattery);
      world.pass(6);
      world.lose_libvirt(executed);
      world.wake_libvirt();
      world.connect();
      world.pass(200);
      world.deliver();
      CHECK(laptop_state(world) != "running");
      runs_on(world, kOnMains);
      CHECK(laptop_state(world) == "running");
    }
  }
}

TEST_CASE("battery: the host sleeps on it") {
  SUBCASE("what is paused for the battery stays so") {
    auto world = laptop_with({{"on_battery", "pause"}, {"sleep", "pause"}});
    runs_on(world, kOnBattery);
    world.sleep();
    world.wake_up();
    world.deliver();
    world.pass(60);
    CHECK(world.reason("a") == "paused on battery power");
    runs_on(world, kOnMains);
    CHECK(laptop_state(world) == "running");
  }
  SUBCASE("the plug was pulled while it slept") {
    auto world = laptop_with({{"on_battery", "pause"}, {"sleep", "save"}});
    world.sleep();
    world.deliver();
    world.domain("a").start_takes = 20s;
    world.facts(kOnBattery);
    world.pass(60);
    CHECK(world.reason("a") == "saved for the host's sleep");
    world.wake_up();
    world.pass(60);
    world.deliver();
    CHECK(world.reason("a") == "paused on battery power");
  }
  SUBCASE("sleep waits for a save on low battery, as long as it may") {
    auto world = laptop_with({{"on_low_battery", "save"}});
    CHECK_FALSE(world.supervisor().wants_sleep_lock());
    world.domain("a").save_takes = 3s;
    world.facts(kLowBattery);
    CHECK(world.supervisor().wants_sleep_lock());
    world.sleep();
    CHECK(world.supervisor().wants_sleep_lock());
    world.pass(4);
    CHECK_FALSE(world.supervisor().wants_sleep_lock());
    world.wake_up();
    runs_on(world, kLowBattery);
    CHECK(world.reason("a") == "saved on low battery");
  }
}

TEST_CASE("battery: all VMs are stopped on it") {
  SUBCASE("one that is paused is stopped, and stays off on mains") {
    auto world = laptop_with(kPauseOnBattery);
    runs_on(world, kOnBattery);
    world.request_stop_all();
    world.pass(300);
    CHECK(laptop_state(world) == "shut-off");
    runs_on(world, kOnMains);
    CHECK(world.started().empty());
  }
  SUBCASE("one that is saved stays so") {
    auto world = laptop_with(kSaveOnBattery);
    runs_on(world, kOnBattery);
    world.request_stop_all();
    world.pass(300);
    runs_on(world, kOnMains);
    CHECK(world.started().empty());
    CHECK(world.intent("a") == "down");
  }
  SUBCASE("at the end of the session: one that is paused is stopped by its actions") {
    auto world = laptop_with({{"on_battery", "pause"}, {"stop_actions", {"save"}}});
    runs_on(world, kOnBattery);
    world.end_session(60);
    world.pass(60);
    CHECK(world.supervisor().session_over());
    CHECK(world.domain("a").snapshot.managed_save);
    CHECK_MESSAGE(world.supervisor().kept_state().lasting["up"] == json{world.uuid("a")}, "it ran, as policies count");
    world.start_supervisor(world.supervisor().kept_state());
    world.connect();
    world.request(RequestKind::start, "a");
    world.deliver();
    CHECK_MESSAGE(laptop_state(world) == "running", "nobody had paused it");
  }
}
