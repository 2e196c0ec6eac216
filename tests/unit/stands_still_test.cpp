// SPDX-License-Identifier: LGPL-2.1-or-later
#include "world.hpp"

#include <doctest/doctest.h>

using namespace virtsession;

// A VM is what it does: one that stands still is not called running, and goes on when it can.

namespace {

constexpr std::uint64_t kGiB = 1024ULL * 1024 * 1024;

std::uint32_t count(World& world, const std::string& phase) {
  const auto counts = world.supervisor().counts();
  return counts.contains(phase) ? counts.at(phase) : 0;
}

}  // namespace

TEST_CASE("paused: who paused it is said, and since when") {
  auto world = with(running());
  const auto started = world.view("a").started_usec;
  world.pass(60);
  SUBCASE("by another client") {
    world.foreign_pause("a");
    CHECK(world.reason("a") == "paused by another libvirt client");
  }
  SUBCASE("by a request") {
    world.request(RequestKind::pause, "a");
    world.deliver();
    CHECK(world.reason("a") == "paused by tester");
  }
  CHECK(world.phase("a") == "paused");
  CHECK(count(world, "paused") == 1);
  CHECK(count(world, "running") == 0);
  CHECK(world.view("a").phase_since_usec == world.now().wall_usec);
  CHECK(world.view("a").started_usec == started);
  const auto since = world.view("a").phase_since_usec;
  world.pass(60);
  world.restart_supervisor();
  world.connect();
  CHECK(world.phase("a") == "paused");
  CHECK(world.view("a").phase_since_usec == since);
  world.foreign_resume("a");
  CHECK(world.phase("a") == "running");
}

TEST_CASE("asleep: what a guest does while a call is under way shows also when the call is lost") {
  auto world = with(running());
  world.request(RequestKind::reboot, "a");
  world.fall_asleep("a");
  world.lose_libvirt();
  world.connect();
  CHECK(world.phase("a") == "asleep");
}

TEST_CASE("asleep: a guest that sleeps is not running, and Resume wakes it") {
  auto world = with(running());
  world.fall_asleep("a");
  CHECK(world.phase("a") == "asleep");
  CHECK(count(world, "running") == 0);
  const auto request = world.request(RequestKind::resume, "a");
  world.deliver();
  CHECK(world.answer(request) == "ok");
  CHECK(world.phase("a") == "running");
}

TEST_CASE("stuck: an I/O error is told with the disk, once, and taken back when the guest goes on") {
  auto world = with(running());
  world.fill_disk("a", "/srv/a.qcow2");
  CHECK(world.phase("a") == "stuck");
  CHECK(world.reason("a") == "paused by an I/O error of disk vda (/srv/a.qcow2): no space left");
  CHECK(count(world, "running") == 0);
  CHECK(world.has_notice("a", Incident::stuck));
  CHECK(world.history("a").back().phase == Phase::stuck);
  world.refresh("a");
  CHECK(world.journal("a", Incident::stuck).size() == 1);
  world.foreign_resume("a");
  CHECK(world.phase("a") == "running");
  CHECK_FALSE(world.has_notice("a", Incident::stuck));
}

TEST_CASE("stuck: it goes on by itself when there is room again") {
  auto world = with(running());
  CHECK(world.supervisor().wanted_facts() == WantedFacts{});
  world.fill_disk("a", "/srv/a.qcow2");
  CHECK(world.supervisor().wanted_facts().free_bytes == std::set<std::string>{"/srv/a.qcow2"});
  world.facts({.free_bytes = {{"/srv/a.qcow2", 0}}});
  CHECK(world.pending().empty());
  world.facts({.free_bytes = {{"/srv/a.qcow2", kGiB}}});
  CHECK(world.pending() == Strings{"resume a"});
  world.deliver();
  CHECK(world.phase("a") == "running");
  CHECK(world.supervisor().wanted_facts().free_bytes.empty());

  SUBCASE("one that fills it again at once is not tried all the time") {
    world.fill_disk("a", "/srv/a.qcow2");
    world.facts({.free_bytes = {{"/srv/a.qcow2", kGiB}}});
    CHECK(world.pending().empty());
    world.pass(29);
    CHECK(world.phase("a") == "stuck");
    world.pass(2);  // the room is what it was
    CHECK(world.phase("a") == "running");
  }
}

TEST_CASE("stuck: a policy may forbid that it goes on, and a watchdog waits for a person") {
  auto world = with(running({{"resume_when_unstuck", false}}));
  world.fill_disk("a", "/srv/a.qcow2");
  CHECK(world.supervisor().wanted_facts() == WantedFacts{});
  world.facts({.free_bytes = {{"/srv/a.qcow2", kGiB}}});
  CHECK(world.pending().empty());

  auto other = with(running());
  auto& snapshot = other.domain("a").snapshot;
  snapshot.state = DomainState::paused, snapshot.state_reason = "watchdog";
  snapshot.pause_reason = PauseReason::watchdog;
  other.refresh("a");
  CHECK(other.phase("a") == "stuck");
  CHECK(other.reason("a").find("watchdog") != std::string::npos);
  CHECK(other.has_notice("a", Incident::stuck));
}

TEST_CASE("restored: a VM that did not run when it was saved runs after its start") {
  auto world = with({.autostart = true, .running = true});
  SUBCASE("saved while it slept, or was stuck") { world.fall_asleep("a"); }
  SUBCASE("saved while a disk was full") { world.fill_disk("a", "/srv/a.qcow2"); }
  world.domain("a").saved_standing = true;
  world.foreign_save("a");
  const auto request = world.request(RequestKind::start, "a");
  world.deliver();
  CHECK(world.answer(request) == "ok");
  CHECK(world.domain("a").snapshot.state == DomainState::running);
  CHECK(world.phase("a") == "running");
}

TEST_CASE("restored: a VM that a person had paused before it was saved stays paused, and says so") {
  auto world = with({.autostart = true, .running = true});
  world.foreign_pause("a");
  world.domain("a").saved_standing = true;
  world.foreign_save("a");
  SUBCASE("started again at once") { world.request(RequestKind::start, "a"); }
  SUBCASE("started at the next login") {
    world.end_session(100);
    world.pass(1);
    const auto kept = world.supervisor().kept_state();
    CHECK(kept.lasting.dump().find("\"saved_paused\":true") != std::string::npos);
    world.start_supervisor(kept);
    world.connect();
  }
  world.deliver();
  CHECK(world.running("a"));
  CHECK(world.phase("a") == "paused");
  CHECK(world.reason("a") == "it was paused before it was saved");
  CHECK(world.pending().empty());
}

TEST_CASE("restored: a start that asks for a paused guest gets one") {
  auto world = with(running());
  world.fall_asleep("a");
  world.domain("a").saved_standing = true;
  world.foreign_save("a");
  world.request(RequestKind::start, "a", [](VmRequest& request) { request.paused = true; });
  world.deliver();
  CHECK(world.pending().empty());
  CHECK(world.phase("a") == "paused");
}

TEST_CASE("history: a guest that powers itself off is the cause of it") {
  auto world = with(running());
  world.foreign_shutdown("a");
  CHECK(world.history("a").back().cause == "the guest");
  auto other = with(running());
  other.foreign_destroy("a");
  CHECK(other.history("a").back().cause == "another libvirt client");
}

TEST_CASE("reasons: of a VM that runs untroubled, the reason is not an old error") {
  auto world = with(running());
  world.domain("a").any_failure = "no";
  world.request(RequestKind::save, "a");
  world.deliver();
  CHECK(world.phase("a") == "running");
  CHECK(world.reason("a") == "running");
  CHECK(world.view("a").last_error == "failed to save: no");
}
