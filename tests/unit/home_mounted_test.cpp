// SPDX-License-Identifier: LGPL-2.1-or-later
#include "world.hpp"

using namespace virtsession;

namespace {

/// A login whose home was not mounted when libvirt read it: the empty list came, and "stopped", of the folder below.
World early_login() {
  World world;
  world.define("stopped", {.autostart = true});
  world.connect();
  world.deliver();
  REQUIRE(world.autostart_state() == "done");
  world.request(RequestKind::power_off, "stopped");
  world.deliver();
  REQUIRE_FALSE(world.running("stopped"));
  return world;
}

/// Another daemon lists what the home that is there now has.
void mount_home(World& world, const nlohmann::json& lasting = nlohmann::json::object()) {
  world.lose_libvirt();
  world.define("marked", {.autostart = true});
  world.define("was-up", {.policy = {{"start", "was-running"}}});
  world.define("was-off", {.policy = {{"start", "was-running"}}});
  auto last = lasting;
  if (last.contains("up")) last["up"] = {world.uuid("was-up")};
  world.supervisor().on_home_mounted();
  world.lasting_read(last);
  world.connect();
  world.deliver();
}

}  // namespace

TEST_CASE("home: the autostart goes on with VMs that come with it, and starts no other again") {
  auto world = early_login();
  mount_home(world, {{"up", true}});
  CHECK(world.phase("marked") == "running");
  CHECK(world.phase("was-up") == "running");
  CHECK_FALSE(world.running("was-off"));
  CHECK_FALSE(world.running("stopped"));
}

TEST_CASE("home: a VM that is defined later, or is listed again, is not started for it") {
  auto world = early_login();
  mount_home(world);
  world.lose_libvirt();
  world.define("later", {.autostart = true});
  world.connect();
  world.deliver();
  CHECK(world.running("marked"));
  CHECK_FALSE(world.running("later"));
}

TEST_CASE("home: nothing is started for it without autostart, or while the session ends") {
  SUBCASE("without autostart") {
    Config config;
    config.autostart = false;
    World world(config);
    world.connect();
    mount_home(world);
    CHECK_FALSE(world.running("marked"));
  }
  SUBCASE("while the session ends") {
    auto world = early_login();
    world.end_session(60);
    mount_home(world);
    CHECK_FALSE(world.running("marked"));
    CHECK(world.intent("marked") == "none");
  }
}

TEST_CASE("home: one that comes before the first list has its VMs in it") {
  World world;
  world.supervisor().on_home_mounted();
  world.lasting_read({{"up", {"x"}}});
  world.define("marked", {.autostart = true});
  world.connect();
  world.deliver();
  CHECK(world.running("marked"));
  world.define("later", {.autostart = true});
  world.lose_libvirt();
  world.connect();
  world.deliver();
  CHECK_FALSE(world.running("later"));
}

TEST_CASE("late state: what was up is started when that is known, unless somebody stopped it since") {
  World world;
  const nlohmann::json was_running = {{"start", "was-running"}};
  for (const auto* name : {"was-up", "stopped", "was-off"}) world.define(name, {.policy = was_running});
  world.connect();
  world.deliver();
  world.request(RequestKind::start, "stopped");
  world.deliver();
  world.request(RequestKind::power_off, "stopped");
  world.deliver();
  const auto lasting = nlohmann::json::parse(R"({"up": [")" + world.uuid("was-up") + R"(", ")" + world.uuid("stopped") +
                                             R"("], "vms": {")" + world.uuid("was-off") +
                                             R"(": {"save_kib_per_sec": 7}, "elsewhere": {"save_kib_per_sec": 8}}})");
  world.lasting_read(lasting);
  world.deliver();
  CHECK(world.running("was-up"));
  CHECK_FALSE(world.running("stopped"));
  CHECK_FALSE(world.running("was-off"));
  const auto kept = world.supervisor().kept_state().lasting;
  CHECK(kept["vms"][world.uuid("was-off")]["save_kib_per_sec"] == 7);
  CHECK(kept["vms"]["elsewhere"]["save_kib_per_sec"] == 8);
}

TEST_CASE("late state: in a login whose autostart an instance before has begun, it starts nothing") {
  World world;
  world.define("crashed", {.policy = {{"start", "was-running"}}});
  world.connect();
  world.request(RequestKind::start, "crashed");
  world.deliver();
  world.restart_supervisor(false, false);
  world.domain("crashed").snapshot.state = DomainState::shut_off;
  world.domain("crashed").snapshot.id = -1;
  world.domain("crashed").snapshot.shutoff_reason = ShutoffReason::crashed;
  world.connect();
  REQUIRE_FALSE(world.running("crashed"));
  const auto starts = world.started().size();
  world.lasting_read({{"up", nlohmann::json::array({world.uuid("crashed")})}});
  world.pass(100);
  CHECK(world.started().size() == starts);
}

TEST_CASE("late state: what is known only while the session ends goes on at the next login") {
  World world;
  world.define("up", {.policy = {{"start", "was-running"}}});
  world.connect();
  const auto up = nlohmann::json::array({world.uuid("up")});
  SUBCASE("in the first instance") { world.end_session(60); }
  SUBCASE("in one that goes on with the stop") {
    world.request(RequestKind::start, "up");
    world.deliver();
    world.end_session(60);
    world.restart_supervisor(false, false);
    world.connect();
  }
  world.lasting_read({{"up", up}});
  world.pass(100);
  CHECK(world.supervisor().kept_state().lasting["up"] == up);
}

TEST_CASE("home: what ran there at the last stop is kept until the list with it has come") {
  auto world = early_login();
  world.lose_libvirt();
  world.supervisor().on_home_mounted();
  const auto up = nlohmann::json::array({"of-the-home"});
  world.lasting_read({{"up", up}});
  CHECK(world.supervisor().kept_state().lasting["up"] == up);
  world.end_session(60);
  CHECK(world.supervisor().kept_state().lasting["up"] == up);
}
