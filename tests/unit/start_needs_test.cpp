// SPDX-License-Identifier: LGPL-2.1-or-later
#include "world.hpp"

using namespace virtsession;

namespace {

constexpr auto kDisk = "/srv/fm/a.qcow2";
constexpr auto kStick = "046d:c52b";

HostFacts disk_is(const PathFacts& facts) { return {.paths = {{kDisk, facts}}}; }

/// A login whose VM "a" has a disk that is missing and gives up for it.
World gave_up() {
  World world;
  world.define("a", {.autostart = true});
  world.domain("a").snapshot.disk_files = {kDisk};
  world.domain("a").start_always_fails = true;
  world.connect();
  world.pass(60);
  REQUIRE(world.phase("a") == "gave-up");
  REQUIRE(world.has_notice("a", Incident::gave_up));
  return world;
}

}  // namespace

TEST_CASE("needs: a VM that gave up for want of its disk is started when it comes") {
  auto world = gave_up();
  CHECK(world.supervisor().wanted_facts().paths == std::set<std::string>{kDisk});
  world.facts(disk_is({}));
  CHECK(world.phase("a") == "waiting");
  CHECK(world.reason("a") == "/srv/fm/a.qcow2 does not exist");
  CHECK_FALSE(world.has_notice("a", Incident::gave_up));
  world.facts(disk_is({.answers = false}));
  CHECK(world.reason("a") == "/srv/fm/a.qcow2 does not answer");
  world.pass(600);
  CHECK(world.phase("a") == "waiting");
  world.domain("a").start_always_fails = false;
  world.facts(disk_is({.exists = true}));
  world.deliver();
  CHECK(world.phase("a") == "running");
  CHECK(world.supervisor().wanted_facts() == WantedFacts{});
}

TEST_CASE("needs: a disk that is there is no reason to try again") {
  auto world = gave_up();
  const auto tries = world.started().size();
  world.facts(disk_is({.exists = true}));
  world.pass(600);
  CHECK(world.phase("a") == "gave-up");
  CHECK(world.started().size() == tries);
}

TEST_CASE("needs: one that waits for its disk stays off when somebody wants that") {
  auto world = gave_up();
  world.facts(disk_is({}));
  world.request(RequestKind::shutdown, "a");
  world.domain("a").start_always_fails = false;
  world.facts(disk_is({.exists = true}));
  world.deliver();
  CHECK_FALSE(world.running("a"));
}

TEST_CASE("needs: what a retry cannot fix is not retried, and a USB device starts its VM when it is plugged in") {
  World world;
  world.define("a", {.autostart = true});
  world.domain("a").snapshot.usb_devices = {kStick};
  world.domain("a").start_always_fails = true;
  world.domain("a").retry_helps = false;
  world.connect();
  world.deliver();
  CHECK(world.started() == Strings{"a"});
  CHECK(world.phase("a") == "gave-up");
  CHECK(world.supervisor().wanted_facts().usb_devices);
  world.facts({.usb_devices = std::set<std::string>{"1d6b:0002"}});
  CHECK(world.phase("a") == "waiting");
  CHECK(world.reason("a") == "USB device 046d:c52b is not plugged in");
  world.domain("a").start_always_fails = false;
  world.facts({.usb_devices = std::set<std::string>{"1d6b:0002", kStick}});
  world.deliver();
  CHECK(world.phase("a") == "running");
}

TEST_CASE("needs: the next instance goes on waiting, and tells of nothing again") {
  auto world = gave_up();
  world.facts(disk_is({}));
  REQUIRE(world.phase("a") == "waiting");
  const auto tries = world.started().size();
  world.restart_supervisor();
  world.connect();
  world.facts(disk_is({}));
  world.pass(600);
  CHECK(world.phase("a") == "waiting");
  CHECK_FALSE(world.has_notice("a", Incident::gave_up));
  CHECK(world.started().size() <= tries + 1);  // before the disk was looked at
  world.domain("a").start_always_fails = false;
  world.facts(disk_is({.exists = true}));
  world.deliver();
  CHECK(world.phase("a") == "running");
}

TEST_CASE("needs: a VM that its policy never starts is not started when its disk comes") {
  auto world = gave_up();
  world.set_policy("a", {{"start", "never"}});
  world.facts(disk_is({}));
  world.domain("a").start_always_fails = false;
  world.facts(disk_is({.exists = true}));
  world.deliver();
  CHECK_FALSE(world.running("a"));
}

TEST_CASE("needs: a disk that the policy names as well is told of once") {
  World world;
  world.define("a", {.autostart = true, .policy = {{"start_if_paths", {kDisk}}}});
  world.domain("a").snapshot.disk_files = {kDisk};
  world.connect();
  world.facts(disk_is({}));
  world.deliver();
  CHECK(world.reason("a") == "/srv/fm/a.qcow2 does not exist");
  world.facts(disk_is({.exists = true}));
  world.deliver();
  CHECK(world.phase("a") == "running");
}
