// SPDX-License-Identifier: LGPL-2.1-or-later
#include "world.hpp"

#include <doctest/doctest.h>

using namespace virtsession;
using namespace std::chrono_literals;

namespace {

const auto kAtOnce = [](VmRequest& request) { request.wait = false; };

}  // namespace

TEST_CASE("request: shutdown answers when the guest is off") {
  auto world = with(running());
  world.domain("a").ignores_shutdown = true;
  const auto id = world.request(RequestKind::shutdown, "a");
  CHECK(world.phase("a") == "stopping");
  CHECK(world.intent("a") == "down");
  world.deliver();
  CHECK(world.answer(id) == "");
  world.pass(10);
  world.foreign_shutdown("a");
  CHECK(world.answer(id) == "ok");
  CHECK(world.phase("a") == "inactive");
  CHECK(world.reason("a") == "shut down");
  CHECK(world.history("a").back().cause == "tester");
  CHECK_FALSE(world.supervisor().wake());
}

TEST_CASE("request: start of a VM that was asked to shut down is refused until it is off") {
  auto world = with(running());
  world.domain("a").ignores_shutdown = true;
  world.request(RequestKind::shutdown, "a");
  world.deliver();
  CHECK(world.answer(world.request(RequestKind::start, "a")) == "Busy");
  CHECK(world.intent("a") == "down");
  world.foreign_shutdown("a");
  const auto id = world.request(RequestKind::start, "a");
  world.deliver();
  CHECK(world.answer(id) == "ok");
  CHECK(world.phase("a") == "running");
}

TEST_CASE("request: shutdown without waiting answers when the guest was asked") {
  auto world = with(running());
  world.domain("a").ignores_shutdown = true;
  const auto id = world.request(RequestKind::shutdown, "a", kAtOnce);
  CHECK(world.answer(id) == "");
  world.deliver();
  CHECK(world.answer(id) == "ok");
  CHECK(world.phase("a") == "stopping");
}

TEST_CASE("request: a guest that ignores shutdown is told of, and runs on") {
  auto world = with(running());
  world.domain("a").ignores_shutdown = true;
  const auto patient = world.request(RequestKind::shutdown, "a");
  const auto hasty = world.request(RequestKind::shutdown, "a", [](VmRequest& request) { request.timeout = 5s; });
  world.deliver();
  world.pass(5);
  CHECK(world.answer(hasty) == "TimedOut");
  CHECK_MESSAGE(world.answer(patient) == "", "another caller's timeout is not this one's");
  CHECK(world.phase("a") == "stopping");
  world.pass(55);
  CHECK(world.answer(patient) == "TimedOut");
  CHECK(world.phase("a") == "running");
  CHECK(world.reason("a") == "running");
  CHECK(world.view("a").last_error == "\"a\" did not shut down in the time it was given");
  CHECK(world.intent("a") == "up");
  world.foreign_shutdown("a");
  CHECK(world.phase("a") == "inactive");
}

TEST_CASE("request: shutdown of a VM that is off is done already, and ends a start that waits") {
  World world;
  world.define("a", {.autostart = true, .policy = {{"start_if_ac_power", true}}});
  world.connect();
  CHECK(world.answer(world.request(RequestKind::shutdown, "a")) == "ok");
  CHECK(world.phase("a") == "inactive");
  CHECK(world.reason("a") == "not started: stopped by tester");
  CHECK(world.intent("a") == "down");
  world.facts({.on_ac_power = true});
  CHECK(world.pending().empty());
  CHECK(world.answer(world.request(RequestKind::power_off, "a")) == "ok");
}

TEST_CASE("request: a refused shutdown is answered with libvirt's words and the VM runs on") {
  auto world = with(running());
  world.domain("a").any_failure = "no ACPI";
  const auto id = world.request(RequestKind::shutdown, "a");
  const auto second = world.request(RequestKind::shutdown, "a", kAtOnce);
  world.deliver();
  CHECK(world.answer(id) == "OperationFailed");
  CHECK(world.answer_text(id) == "no ACPI");
  CHECK(world.answer(second) == "OperationFailed");
  CHECK(world.phase("a") == "running");
  CHECK(world.view("a").last_error == "failed to shut down: no ACPI");
  CHECK(world.intent("a") == "up");
}

TEST_CASE("request: a guest that is asked to shut down and that somebody starts again was shut down") {
  auto world = with(running());
  world.domain("a").ignores_shutdown = true;
  const auto id = world.request(RequestKind::shutdown, "a");
  world.deliver();
  world.domain("a").snapshot.id = 77;  // off and on again before libvirt was asked
  world.refresh("a");
  CHECK(world.answer(id) == "ok");
  CHECK(world.phase("a") == "running");
  CHECK(world.intent("a") == "up");
}

TEST_CASE("request: a guest that was asked to shut down is waited for across a restart of libvirt") {
  auto world = with(running());
  world.domain("a").ignores_shutdown = true;
  const auto id = world.request(RequestKind::shutdown, "a");
  world.deliver();
  world.lose_libvirt();
  CHECK(world.answer(id) == "");
  SUBCASE("it goes off meanwhile") {
    world.foreign_shutdown("a");
    world.connect();
    CHECK(world.answer(id) == "ok");
    CHECK(world.history("a").back().cause == "tester");
  }
  SUBCASE("it goes off later") {
    world.connect();
    CHECK(world.phase("a") == "stopping");
    world.foreign_shutdown("a");
    CHECK(world.answer(id) == "ok");
  }
  SUBCASE("libvirt does not come back in time") {
    world.pass(60);
    CHECK(world.answer(id) == "TimedOut");
  }
}

TEST_CASE("request: a guest that boots when it is asked hears it later") {
  auto world = with({});
  world.domain("a").boot_takes = 5s;
  world.foreign_start("a");
  const auto id = world.request(RequestKind::shutdown, "a");
  world.pass(7);
  CHECK(world.answer(id) == "ok");
  CHECK(world.domain("a").snapshot.shutoff_reason == ShutoffReason::shutdown);
}

TEST_CASE("request: an agent that fails is followed by the button") {
  auto world = with({.running = true});
  world.connect_agent("a");
  world.domain("a").agent_failure = "guest agent is not responding";
  const auto id = world.request(RequestKind::shutdown, "a", [](VmRequest& request) { request.wait = false; });
  world.deliver("a");
  CHECK(world.answer(id) == "");
  world.pass(1);
  CHECK(world.answer(id) == "ok");
  CHECK(world.domain("a").snapshot.shutoff_reason == ShutoffReason::shutdown);
  CHECK(world.view("a").last_error.empty());
}

TEST_CASE("request: libvirt is lost while a guest is asked: it is asked again") {
  auto world = with({.running = true});
  world.domain("a").booted = world.now().steady + 12s;
  const auto id = world.request(RequestKind::shutdown, "a");
  world.pass(1);
  world.lose_libvirt();
  world.pass(12);
  world.connect();
  world.pass(1);
  CHECK(world.answer(id) == "ok");
  CHECK_FALSE(world.running("a"));
}
