// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/pulse.hpp"

#include "world.hpp"

#include <doctest/doctest.h>

using namespace virtsession;
using namespace std::chrono_literals;

namespace {

SteadyTime after(Duration time) { return SteadyTime{} + 1h + time; }

}  // namespace

TEST_CASE("pulse: a daemon of which something is awaited is asked at once, and again some time after each answer") {
  Pulse pulse;
  CHECK_FALSE(pulse.wake());
  pulse.start(after(-1s));
  CHECK_FALSE(pulse.wake());
  pulse.set_awaited(true, after(0s));
  CHECK(pulse.wake() == after(0s));
  CHECK(pulse.tick(after(0s)));
  pulse.answered(after(1s));
  CHECK_FALSE(pulse.silence(after(20s)));
  CHECK(pulse.wake() == after(1s + Pulse::kInterval));
  CHECK_FALSE(pulse.tick(after(2s)));
  CHECK(pulse.tick(after(1s + Pulse::kInterval)));
  pulse.set_awaited(false, after(5s));
  pulse.answered(after(5s));
  CHECK_FALSE(pulse.wake());
}

TEST_CASE("pulse: what is awaited when a connection is lost is asked about in the next one") {
  Pulse pulse;
  pulse.set_awaited(true, after(0s));
  CHECK_FALSE(pulse.wake());
  pulse.start(after(1s));
  CHECK(pulse.tick(after(1s)));
  pulse.stop();
  CHECK_FALSE(pulse.wake());
  pulse.start(after(20s));
  CHECK_FALSE(pulse.silence(after(20s)));
  CHECK(pulse.wake() == after(20s));
}

TEST_CASE("pulse: five seconds without an answer are a silence, which grows until it ends") {
  Pulse pulse;
  pulse.start(after(0s));
  pulse.set_awaited(true, after(0s));
  CHECK(pulse.tick(after(0s)));
  CHECK_FALSE(pulse.silence(after(4s)));
  CHECK(pulse.wake() == after(5s));
  CHECK_FALSE(pulse.tick(after(5s)));  // it was asked
  CHECK(pulse.silence(after(5s)) == Duration(5s));
  CHECK(pulse.wake() == after(6s));
  CHECK(pulse.silence(after(9s)) == Duration(9s));
  pulse.answered(after(9s));
  CHECK_FALSE(pulse.silence(after(9s)));
  pulse.stop();
  CHECK_FALSE(pulse.wake());
}

TEST_CASE("a daemon that does not answer: who waits for a call is told, and the call goes on") {
  World world;
  world.define("a");
  world.connect();
  world.hang_libvirt();
  const auto request = world.request(RequestKind::start, "a");
  world.pass(10);
  REQUIRE(world.answer(request).empty());
  world.supervisor().on_libvirt_silent({ErrorCode::libvirt_unavailable, "libvirt has not answered for 5 s"});
  world.tick();
  CHECK(world.answer(request) == "LibvirtUnavailable");
  world.wake_libvirt();
  world.deliver();
  CHECK(world.running("a"));
  CHECK(world.phase("a") == "running");
}

TEST_CASE("a daemon that does not answer: a shutdown that nobody waits for is answered, too") {
  auto world = with(running());
  world.hang_libvirt();
  const auto request = world.request(RequestKind::shutdown, "a", [](VmRequest& made) { made.wait = false; });
  world.pass(1);
  REQUIRE(world.answer(request).empty());
  world.supervisor().on_libvirt_silent({ErrorCode::libvirt_unavailable, "libvirt has not answered for 5 s"});
  world.tick();
  CHECK(world.answer(request) == "LibvirtUnavailable");
}
