// SPDX-License-Identifier: LGPL-2.1-or-later
#include "laptop.hpp"

#include <doctest/doctest.h>

using namespace virtsession;
using namespace std::chrono_literals;
using nlohmann::json;

// The host runs on its battery, and on mains again.

TEST_CASE("battery: a VM is paused on it, and goes on when the host is on mains again") {
  auto world = laptop_with(kPauseOnBattery);
  world.connect_agent("a");
  world.facts(kOnBattery);
  world.pass(4);
  CHECK(world.pending().empty());
  world.pass(2);
  CHECK(laptop_state(world) == "paused");
  CHECK(world.phase("a") == "paused");
  CHECK(world.reason("a") == "paused on battery power");
  CHECK(world.intent("a") == "up");
  CHECK(world.history("a").back().cause == "battery power");
  world.facts(kOnMains);
  world.pass(4);
  CHECK(laptop_state(world) == "paused");
  world.pass(2);
  world.deliver();
  CHECK(laptop_state(world) == "running");
  CHECK(world.phase("a") == "running");
  CHECK(world.history("a").back().cause == "mains power");
  CHECK_MESSAGE(world.domain("a").clock_settings.size() == 1, "its guest stood still");
}

TEST_CASE("battery: a VM is saved on it, and is started when the host is on mains again") {
  auto world = laptop_with(kSaveOnBattery);
  world.domain("a").save_takes = 3s;
  world.facts(kOnBattery);
  world.pass(6);
  CHECK(world.phase("a") == "saving");
  CHECK(world.reason("a").starts_with("being saved on battery power"));
  world.pass(3);
  CHECK(world.phase("a") == "inactive");
  CHECK(world.reason("a") == "saved on battery power");
  CHECK(world.intent("a") == "up");
  CHECK(world.supervisor().kept_state().lasting["up"] == json{world.uuid("a")});
  runs_on(world, kOnMains);
  CHECK(world.phase("a") == "running");
  CHECK(world.started() == Strings{"a"});
}

TEST_CASE("battery: a plug that is moved changes nothing, in both directions") {
  auto world = laptop_with(kPauseOnBattery);
  for (int i = 0; i < 5; ++i) {
    world.facts(kOnBattery);
    world.pass(3);
    world.facts(kOnMains);
    world.pass(3);
  }
  CHECK(world.history("a").size() == 1);
  runs_on(world, kOnBattery);
  world.facts(kOnMains);
  world.pass(3);
  runs_on(world, kOnBattery);
  CHECK(laptop_state(world) == "paused");
  CHECK(world.history("a").size() == 2);
}

TEST_CASE("battery: low, a VM that was paused is saved, at once, and runs when the host is on mains") {
  auto world = laptop_with(kPauseThenSave);
  runs_on(world, kOnBattery);
  CHECK(laptop_state(world) == "paused");
  world.facts(kLowBattery);
  CHECK(world.pending() == Strings{"save a"});
  world.deliver();
  CHECK(world.reason("a") == "saved on low battery");
  world.facts(kOnBattery);  // UPower may tell so when the load is gone
  world.pass(60);
  CHECK(world.started().empty());
  runs_on(world, kOnMains);
  CHECK(laptop_state(world) == "running");
  CHECK(world.phase("a") == "running");
}

TEST_CASE("battery: low, the policy that does more decides") {
  struct Row {
    const char *on_battery, *on_low_battery, *done;
  };
  for (const auto& row : {Row{"none", "none", ""}, Row{"none", "pause", "pause a"}, Row{"none", "save", "save a"},
                          Row{"save", "none", "save a"}, Row{"save", "pause", "save a"}}) {
    CAPTURE(row.on_battery);
    CAPTURE(row.on_low_battery);
    auto world = laptop_with({{"on_battery", row.on_battery}, {"on_low_battery", row.on_low_battery}});
    world.facts(kLowBattery);
    CHECK(world.pending() == (std::string(row.done).empty() ? Strings{} : Strings{row.done}));
  }
}

TEST_CASE("battery: what a person resumes or starts on it runs on, until it is low") {
  SUBCASE("resumed") {
    auto world = laptop_with(kPauseThenSave);
    runs_on(world, kOnBattery);
    world.request(RequestKind::resume, "a");
    world.deliver();
    world.pass(600);
    CHECK(laptop_state(world) == "running");
    CHECK(world.reason("a") == "running");
    world.facts(kLowBattery);
    world.deliver();
    CHECK(world.reason("a") == "saved on low battery");
  }
  SUBCASE("resumed by another client, and paused again: it stays so") {
    auto world = laptop_with(kPauseOnBattery);
    runs_on(world, kOnBattery);
    world.foreign_resume("a");
    world.foreign_pause("a");
    CHECK(world.reason("a") == "paused by another libvirt client");
    runs_on(world, kOnMains);
    CHECK(laptop_state(world) == "paused");
  }
  SUBCASE("started after it was saved") {
    auto world = laptop_with(kSaveOnBattery);
    runs_on(world, kOnBattery);
    world.request(RequestKind::start, "a");
    world.deliver();
    world.pass(600);
    CHECK(laptop_state(world) == "running");
    runs_on(world, kOnMains);
    CHECK(world.started() == Strings{"a"});
  }
  SUBCASE("started on it") {
    World world;
    world.define("a", {.policy = kPauseThenSave});
    world.connect();
    runs_on(world, kOnMains);
    runs_on(world, kOnBattery);
    world.request(RequestKind::start, "a");
    world.deliver();
    runs_on(world, kOnBattery);
    CHECK(laptop_state(world) == "running");
  }
}

TEST_CASE("battery: what a person has paused, saved or stopped is not undone") {
  SUBCASE("paused before") {
    auto world = laptop_with(kPauseOnBattery);
    world.request(RequestKind::pause, "a");
    world.deliver();
    runs_on(world, kOnBattery);
    runs_on(world, kOnMains);
    CHECK(world.reason("a") == "paused by tester");
    CHECK(laptop_state(world) == "paused");
  }
  SUBCASE("paused while it is paused for the battery") {
    auto world = laptop_with(kPauseOnBattery);
    runs_on(world, kOnBattery);
    world.request(RequestKind::pause, "a");
    world.deliver();
    CHECK(world.reason("a") == "paused by tester");
    runs_on(world, kOnMains);
    CHECK(laptop_state(world) == "paused");
  }
  SUBCASE("saved while it is saved for the battery") {
    auto world = laptop_with(kSaveOnBattery);
    runs_on(world, kOnBattery);
    CHECK(world.answer(world.request(RequestKind::save, "a")) == "ok");
    runs_on(world, kOnMains);
    CHECK(world.started().empty());
    CHECK(world.intent("a") == "down");
  }
  SUBCASE("stopped") {
    for (const auto& policy : {kPauseOnBattery, kSaveOnBattery}) {
      CAPTURE(policy.dump());
      auto world = laptop_with(policy);
      runs_on(world, kOnBattery);
      world.request(RequestKind::shutdown, "a");
      world.pass(60);
      CHECK(laptop_state(world) == "shut-off");
      runs_on(world, kOnMains);
      CHECK(world.started().empty());
    }
  }
  SUBCASE("what it had saved is gone") {
    auto world = laptop_with(kSaveOnBattery);
    runs_on(world, kOnBattery);
    world.domain("a").snapshot.managed_save = false;
    world.refresh("a");
    runs_on(world, kOnMains);
    CHECK(world.started().empty());
  }
}

TEST_CASE("battery: low, what a person has paused is saved, and paused again on mains") {
  auto world = laptop_with(kPauseThenSave);
  world.request(RequestKind::pause, "a");
  world.deliver();
  runs_on(world, kOnBattery);
  runs_on(world, kLowBattery);
  CHECK(world.reason("a") == "saved on low battery");
  runs_on(world, kOnMains);
  CHECK(world.phase("a") == "paused");
  CHECK(world.reason("a") == "it was paused before it was saved");
}

TEST_CASE("battery: a save that does not come to its end") {
  SUBCASE("cannot be: it is paused instead, and its policy's problem says so") {
    auto world = laptop_with(kSaveOnBattery);
    world.domain("a").snapshot.save_blocker = "it has a host device";
    world.refresh("a");
    CHECK(world.view("a").policy_problems.at(0).text ==
          "it is paused, not saved, on battery power: it has a host device");
    runs_on(world, kOnBattery);
    CHECK(world.reason("a") == "paused on battery power");
    CHECK(world.journal("a", Incident::phase).at(1) == "is paused on battery power, not saved: it has a host device");
  }
  SUBCASE("fails: it is paused instead, once") {
    auto world = laptop_with(kSaveOnBattery);
    world.domain("a").save_failure = "no space";
    runs_on(world, kOnBattery);
    world.pass(60);
    CHECK(world.reason("a") == "paused on battery power");
    CHECK(world.view("a").last_error == "failed to save on battery power: no space");
    runs_on(world, kOnMains);
    CHECK(laptop_state(world) == "running");
  }
  SUBCASE("fails while it is paused for the battery: it stays so") {
    auto world = laptop_with(kPauseThenSave);
    world.domain("a").save_failure = "no space";
    runs_on(world, kOnBattery);
    runs_on(world, kLowBattery);
    CHECK(laptop_state(world) == "paused");
    CHECK(world.reason("a") == "paused on low battery");
    runs_on(world, kOnMains);
    CHECK(laptop_state(world) == "running");
  }
  SUBCASE("is aborted by the mains") {
    for (const auto& policy : {kSaveOnBattery, kPauseThenSave}) {
      CAPTURE(policy.dump());
      auto world = laptop_with(policy);
      world.domain("a").save_takes = 100s;
      world.facts(kOnBattery);
      world.pass(6);
      world.facts(kLowBattery);
      world.pass(10);
      CHECK(world.phase("a") == "saving");
      world.facts(kOnMains);
      world.pass(6);
      CHECK(laptop_state(world) == "running");
      CHECK(world.phase("a") == "running");
      CHECK(world.started().empty());
      CHECK(world.view("a").last_error.empty());
    }
  }
}

TEST_CASE("battery: a policy that no longer wants it lets the VM go on") {
  auto world = laptop_with(kPauseOnBattery);
  runs_on(world, kOnBattery);
  world.set_policy("a", json::object());
  world.deliver();
  CHECK(laptop_state(world) == "running");
}

TEST_CASE("battery: nothing is watched while no VM asks for it") {
  World world;
  world.define("a", {.policy = kPauseOnBattery});
  world.define("b", {.running = true});
  world.define("c", {.policy = kPauseOnBattery, .persistent = false, .running = true});
  world.connect();
  CHECK(world.supervisor().wanted_facts() == WantedFacts{});
  world.request(RequestKind::start, "a");
  world.deliver();
  CHECK(world.supervisor().wanted_facts() == WantedFacts{.ac_power = true, .battery_charge = true});
  world.facts(kOnMains);
  runs_on(world, kOnBattery);
  CHECK_MESSAGE(world.domain("c").snapshot.state == DomainState::running, "it is another program's");
  world.foreign_destroy("a");
  CHECK(world.supervisor().wanted_facts() == WantedFacts{});
}

TEST_CASE("battery: without UPower, nobody knows when it is low, and the policy's problem says so") {
  auto world = laptop_with(kPauseThenSave);
  CHECK(world.view("a").policy_problems.empty());
  auto facts = kOnMains;
  facts.battery_charge = BatteryCharge::not_told;
  world.facts(facts);
  REQUIRE(world.view("a").policy_problems.size() == 1);
  CHECK(world.view("a").policy_problems[0].pointer == "/on_low_battery");
  CHECK(world.view("a").policy_problems[0].text.find("package upower") != std::string::npos);
  CHECK(world.view("a").policy_problems[0].code == ProblemCode::not_possible);
  facts.on_ac_power = false;
  runs_on(world, facts);
  CHECK(world.reason("a") == "paused on battery power");
}
