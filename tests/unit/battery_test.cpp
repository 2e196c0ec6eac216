// SPDX-License-Identifier: LGPL-2.1-or-later
#include "world.hpp"

#include <doctest/doctest.h>

using namespace virtsession;
using namespace std::chrono_literals;
using nlohmann::json;

// The host runs on its battery, and on mains again.

namespace {

const HostFacts kMains{.on_ac_power = true, .battery_charge = BatteryCharge::fine};
const HostFacts kBattery{.on_ac_power = false, .battery_charge = BatteryCharge::fine};
const HostFacts kLow{.on_ac_power = false, .battery_charge = BatteryCharge::low};

const json kPause = {{"on_battery", "pause"}};
const json kSave = {{"on_battery", "save"}};
const json kBoth = {{"on_battery", "pause"}, {"on_low_battery", "save"}};

/// One with a VM "a" that runs, on mains.
World laptop(const json& policy) {
  World world;
  world.define("a", {.policy = policy, .running = true});
  world.connect();
  world.facts(kMains);
  return world;
}

/// The power has changed, and long enough ago.
void runs_on(World& world, const HostFacts& facts) {
  world.facts(facts);
  world.pass(6);
  world.deliver();
}

std::string state(World& world) { return std::string(to_text(world.domain("a").snapshot.state)); }

}  // namespace

TEST_CASE("battery: a VM is paused on it, and goes on when the host is on mains again") {
  auto world = laptop(kPause);
  world.connect_agent("a");
  world.facts(kBattery);
  world.pass(4);
  CHECK(world.pending().empty());
  world.pass(2);
  CHECK(state(world) == "paused");
  CHECK(world.phase("a") == "paused");
  CHECK(world.reason("a") == "paused on battery power");
  CHECK(world.intent("a") == "up");
  CHECK(world.history("a").back().cause == "battery power");
  world.facts(kMains);
  world.pass(4);
  CHECK(state(world) == "paused");
  world.pass(2);
  world.deliver();
  CHECK(state(world) == "running");
  CHECK(world.phase("a") == "running");
  CHECK(world.history("a").back().cause == "mains power");
  CHECK_MESSAGE(world.domain("a").clock_settings.size() == 1, "its guest stood still");
}

TEST_CASE("battery: a VM is saved on it, and is started when the host is on mains again") {
  auto world = laptop(kSave);
  world.domain("a").save_takes = 3s;
  world.facts(kBattery);
  world.pass(6);
  CHECK(world.phase("a") == "saving");
  CHECK(world.reason("a").starts_with("being saved on battery power"));
  world.pass(3);
  CHECK(world.phase("a") == "inactive");
  CHECK(world.reason("a") == "saved on battery power");
  CHECK(world.intent("a") == "up");
  CHECK(world.supervisor().kept_state().lasting["up"] == json{world.uuid("a")});
  runs_on(world, kMains);
  CHECK(world.phase("a") == "running");
  CHECK(world.started() == Strings{"a"});
}

TEST_CASE("battery: a plug that is moved changes nothing, in both directions") {
  auto world = laptop(kPause);
  for (int i = 0; i < 5; ++i) {
    world.facts(kBattery);
    world.pass(3);
    world.facts(kMains);
    world.pass(3);
  }
  CHECK(world.history("a").size() == 1);
  runs_on(world, kBattery);
  world.facts(kMains);
  world.pass(3);
  runs_on(world, kBattery);
  CHECK(state(world) == "paused");
  CHECK(world.history("a").size() == 2);
}

TEST_CASE("battery: low, a VM that was paused is saved, at once, and runs when the host is on mains") {
  auto world = laptop(kBoth);
  runs_on(world, kBattery);
  CHECK(state(world) == "paused");
  world.facts(kLow);
  CHECK(world.pending() == Strings{"save a"});
  world.deliver();
  CHECK(world.reason("a") == "saved on low battery");
  world.facts(kBattery);  // UPower may tell so when the load is gone
  world.pass(60);
  CHECK(world.started().empty());
  runs_on(world, kMains);
  CHECK(state(world) == "running");
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
    auto world = laptop({{"on_battery", row.on_battery}, {"on_low_battery", row.on_low_battery}});
    world.facts(kLow);
    CHECK(world.pending() == (std::string(row.done).empty() ? Strings{} : Strings{row.done}));
  }
}

TEST_CASE("battery: what a person resumes or starts on it runs on, until it is low") {
  SUBCASE("resumed") {
    auto world = laptop(kBoth);
    runs_on(world, kBattery);
    world.request(RequestKind::resume, "a");
    world.deliver();
    world.pass(600);
    CHECK(state(world) == "running");
    CHECK(world.reason("a") == "running");
    world.facts(kLow);
    world.deliver();
    CHECK(world.reason("a") == "saved on low battery");
  }
  SUBCASE("resumed by another client, and paused again: it stays so") {
    auto world = laptop(kPause);
    runs_on(world, kBattery);
    world.foreign_resume("a");
    world.foreign_pause("a");
    CHECK(world.reason("a") == "paused by another libvirt client");
    runs_on(world, kMains);
    CHECK(state(world) == "paused");
  }
  SUBCASE("started after it was saved") {
    auto world = laptop(kSave);
    runs_on(world, kBattery);
    world.request(RequestKind::start, "a");
    world.deliver();
    world.pass(600);
    CHECK(state(world) == "running");
    runs_on(world, kMains);
    CHECK(world.started() == Strings{"a"});
  }
  SUBCASE("started on it") {
    World world;
    world.define("a", {.policy = kBoth});
    world.connect();
    runs_on(world, kMains);
    runs_on(world, kBattery);
    world.request(RequestKind::start, "a");
    world.deliver();
    runs_on(world, kBattery);
    CHECK(state(world) == "running");
  }
}

TEST_CASE("battery: what a person has paused, saved or stopped is not undone") {
  SUBCASE("paused before") {
    auto world = laptop(kPause);
    world.request(RequestKind::pause, "a");
    world.deliver();
    runs_on(world, kBattery);
    runs_on(world, kMains);
    CHECK(world.reason("a") == "paused by tester");
    CHECK(state(world) == "paused");
  }
  SUBCASE("paused while it is paused for the battery") {
    auto world = laptop(kPause);
    runs_on(world, kBattery);
    world.request(RequestKind::pause, "a");
    world.deliver();
    CHECK(world.reason("a") == "paused by tester");
    runs_on(world, kMains);
    CHECK(state(world) == "paused");
  }
  SUBCASE("saved while it is saved for the battery") {
    auto world = laptop(kSave);
    runs_on(world, kBattery);
    CHECK(world.answer(world.request(RequestKind::save, "a")) == "ok");
    runs_on(world, kMains);
    CHECK(world.started().empty());
    CHECK(world.intent("a") == "down");
  }
  SUBCASE("stopped") {
    for (const auto& policy : {kPause, kSave}) {
      CAPTURE(policy.dump());
      auto world = laptop(policy);
      runs_on(world, kBattery);
      world.request(RequestKind::shutdown, "a");
      world.pass(60);
      CHECK(state(world) == "shut-off");
      runs_on(world, kMains);
      CHECK(world.started().empty());
    }
  }
  SUBCASE("what it had saved is gone") {
    auto world = laptop(kSave);
    runs_on(world, kBattery);
    world.domain("a").snapshot.managed_save = false;
    world.refresh("a");
    runs_on(world, kMains);
    CHECK(world.started().empty());
  }
}

TEST_CASE("battery: low, what a person has paused is saved, and paused again on mains") {
  auto world = laptop(kBoth);
  world.request(RequestKind::pause, "a");
  world.deliver();
  runs_on(world, kBattery);
  runs_on(world, kLow);
  CHECK(world.reason("a") == "saved on low battery");
  runs_on(world, kMains);
  CHECK(world.phase("a") == "paused");
  CHECK(world.reason("a") == "it was paused before it was saved");
}

TEST_CASE("battery: a save that does not come to its end") {
  SUBCASE("cannot be: it is paused instead, and its policy's problem says so") {
    auto world = laptop(kSave);
    world.domain("a").snapshot.save_blocker = "it has a host device";
    world.refresh("a");
    CHECK(world.view("a").policy_problems.at(0).text ==
          "it is paused, not saved, on battery power: it has a host device");
    runs_on(world, kBattery);
    CHECK(world.reason("a") == "paused on battery power");
    CHECK(world.journal("a", Incident::phase).at(1) == "is paused on battery power, not saved: it has a host device");
  }
  SUBCASE("fails: it is paused instead, once") {
    auto world = laptop(kSave);
    world.domain("a").save_failure = "no space";
    runs_on(world, kBattery);
    world.pass(60);
    CHECK(world.reason("a") == "paused on battery power");
    CHECK(world.view("a").last_error == "failed to save on battery power: no space");
    runs_on(world, kMains);
    CHECK(state(world) == "running");
  }
  SUBCASE("fails while it is paused for the battery: it stays so") {
    auto world = laptop(kBoth);
    world.domain("a").save_failure = "no space";
    runs_on(world, kBattery);
    runs_on(world, kLow);
    CHECK(state(world) == "paused");
    CHECK(world.reason("a") == "paused on low battery");
    runs_on(world, kMains);
    CHECK(state(world) == "running");
  }
  SUBCASE("is aborted by the mains") {
    for (const auto& policy : {kSave, kBoth}) {
      CAPTURE(policy.dump());
      auto world = laptop(policy);
      world.domain("a").save_takes = 100s;
      world.facts(kBattery);
      world.pass(6);
      world.facts(kLow);
      world.pass(10);
      CHECK(world.phase("a") == "saving");
      world.facts(kMains);
      world.pass(6);
      CHECK(state(world) == "running");
      CHECK(world.phase("a") == "running");
      CHECK(world.started().empty());
      CHECK(world.view("a").last_error.empty());
    }
  }
}

TEST_CASE("battery: the next instance knows who paused or saved a VM, and what the host ran on") {
  for (const auto& policy : {kPause, kSave}) {
    CAPTURE(policy.dump());
    auto world = laptop(policy);
    runs_on(world, kBattery);
    world.restart_supervisor();
    world.connect();
    runs_on(world, kBattery);
    CHECK(state(world) != "running");
    CHECK(world.reason("a").ends_with("on battery power"));
    runs_on(world, kMains);
    CHECK(state(world) == "running");
  }
  SUBCASE("a VM that was resumed before is left alone") {
    auto world = laptop(kPause);
    runs_on(world, kBattery);
    world.request(RequestKind::resume, "a");
    world.deliver();
    world.restart_supervisor();
    world.connect();
    runs_on(world, kBattery);
    CHECK(state(world) == "running");
  }
  SUBCASE("a plug that was pulled meanwhile counts") {
    auto world = laptop(kPause);
    world.restart_supervisor();
    world.connect();
    runs_on(world, kBattery);
    CHECK(state(world) == "paused");
  }
}

TEST_CASE("battery: libvirt is lost while it is asked") {
  for (const bool executed : {false, true}) {
    for (const auto& policy : {kPause, kSave}) {
      CAPTURE(executed);
      CAPTURE(policy.dump());
      auto world = laptop(policy);
      world.domain("a").save_takes = 100s;
      world.hang_libvirt();
      world.facts(kBattery);
      world.pass(6);
      world.lose_libvirt(executed);
      world.wake_libvirt();
      world.connect();
      world.pass(200);
      world.deliver();
      CHECK(state(world) != "running");
      runs_on(world, kMains);
      CHECK(state(world) == "running");
    }
  }
}

TEST_CASE("battery: the host sleeps on it") {
  SUBCASE("what is paused for the battery stays so") {
    auto world = laptop({{"on_battery", "pause"}, {"sleep", "pause"}});
    runs_on(world, kBattery);
    world.sleep();
    world.wake_up();
    world.deliver();
    world.pass(60);
    CHECK(world.reason("a") == "paused on battery power");
    runs_on(world, kMains);
    CHECK(state(world) == "running");
  }
  SUBCASE("the plug was pulled while it slept") {
    auto world = laptop({{"on_battery", "pause"}, {"sleep", "save"}});
    world.sleep();
    world.deliver();
    world.domain("a").start_takes = 20s;
    world.facts(kBattery);
    world.pass(60);
    CHECK(world.reason("a") == "saved for the host's sleep");
    world.wake_up();
    world.pass(60);
    world.deliver();
    CHECK(world.reason("a") == "paused on battery power");
  }
  SUBCASE("sleep waits for a save on low battery, as long as it may") {
    auto world = laptop({{"on_low_battery", "save"}});
    CHECK_FALSE(world.supervisor().wants_sleep_lock());
    world.domain("a").save_takes = 3s;
    world.facts(kLow);
    CHECK(world.supervisor().wants_sleep_lock());
    world.sleep();
    CHECK(world.supervisor().wants_sleep_lock());
    world.pass(4);
    CHECK_FALSE(world.supervisor().wants_sleep_lock());
    world.wake_up();
    runs_on(world, kLow);
    CHECK(world.reason("a") == "saved on low battery");
  }
}

TEST_CASE("battery: all VMs are stopped on it") {
  SUBCASE("one that is paused is stopped, and stays off on mains") {
    auto world = laptop(kPause);
    runs_on(world, kBattery);
    world.request_stop_all();
    world.pass(300);
    CHECK(state(world) == "shut-off");
    runs_on(world, kMains);
    CHECK(world.started().empty());
  }
  SUBCASE("one that is saved stays so") {
    auto world = laptop(kSave);
    runs_on(world, kBattery);
    world.request_stop_all();
    world.pass(300);
    runs_on(world, kMains);
    CHECK(world.started().empty());
    CHECK(world.intent("a") == "down");
  }
  SUBCASE("at the end of the session: one that is paused is stopped by its actions") {
    auto world = laptop({{"on_battery", "pause"}, {"stop_actions", {"save"}}});
    runs_on(world, kBattery);
    world.end_session(60);
    world.pass(60);
    CHECK(world.supervisor().session_over());
    CHECK(world.domain("a").snapshot.managed_save);
    CHECK_MESSAGE(world.supervisor().kept_state().lasting["up"] == json{world.uuid("a")}, "it ran, as policies count");
    world.start_supervisor(world.supervisor().kept_state());
    world.connect();
    world.request(RequestKind::start, "a");
    world.deliver();
    CHECK_MESSAGE(state(world) == "running", "nobody had paused it");
  }
}

TEST_CASE("battery: a policy that no longer wants it lets the VM go on") {
  auto world = laptop(kPause);
  runs_on(world, kBattery);
  world.set_policy("a", json::object());
  world.deliver();
  CHECK(state(world) == "running");
}

TEST_CASE("battery: nothing is watched while no VM asks for it") {
  World world;
  world.define("a", {.policy = kPause});
  world.define("b", {.running = true});
  world.define("c", {.policy = kPause, .persistent = false, .running = true});
  world.connect();
  CHECK(world.supervisor().wanted_facts() == WantedFacts{});
  world.request(RequestKind::start, "a");
  world.deliver();
  CHECK(world.supervisor().wanted_facts() == WantedFacts{.ac_power = true, .battery_charge = true});
  world.facts(kMains);
  runs_on(world, kBattery);
  CHECK_MESSAGE(world.domain("c").snapshot.state == DomainState::running, "it is another program's");
  world.foreign_destroy("a");
  CHECK(world.supervisor().wanted_facts() == WantedFacts{});
}

TEST_CASE("battery: without UPower, nobody knows when it is low, and the policy's problem says so") {
  auto world = laptop(kBoth);
  CHECK(world.view("a").policy_problems.empty());
  auto facts = kMains;
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
