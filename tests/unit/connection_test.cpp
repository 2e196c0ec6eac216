// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/connection.hpp"

#include <doctest/doctest.h>

using namespace virtsession;
using namespace std::chrono_literals;
using Step = ConnectionStep;

namespace {

const Error kFailure{ErrorCode::operation_failed, "no such unit"};

Moment at(Duration time) { return {SteadyTime{} + 1h + time, 0}; }

/// A connection in some state, by the shortest way to it.
Connection in(LibvirtState state, bool managed = true) {
  Connection connection(managed, 1);
  if (state == LibvirtState::down) return connection;
  connection.start(at(0s));
  if (state == LibvirtState::starting_unit) return connection;
  connection.unit_started({}, at(0s));
  if (state == LibvirtState::connecting) return connection;
  connection.opened(at(0s));
  if (state == LibvirtState::syncing) return connection;
  connection.listed({}, at(0s));
  return connection;
}

constexpr LibvirtState kStates[] = {LibvirtState::down, LibvirtState::starting_unit, LibvirtState::connecting,
                                    LibvirtState::syncing, LibvirtState::ready};

}  // namespace

TEST_CASE("connection: the way to ready, with its steps") {
  Connection connection(true, 1);
  CHECK(connection.state() == LibvirtState::down);
  CHECK(connection.reason().empty());  // a reason would be that of a failure
  CHECK(connection.start(at(0s)) == Step::start_unit);
  CHECK(connection.state() == LibvirtState::starting_unit);
  CHECK(connection.unit_started({}, at(1s)) == Step::open);
  CHECK(connection.state() == LibvirtState::connecting);
  CHECK(connection.wake() == at(31s).steady);
  CHECK(connection.opened(at(2s)) == Step::list);
  CHECK(connection.state() == LibvirtState::syncing);
  CHECK_FALSE(connection.wake());
  CHECK(connection.listed({}, at(3s)) == Step::nothing);
  CHECK(connection.state() == LibvirtState::ready);
  CHECK(connection.reason() == "connected");
  CHECK_FALSE(connection.wake());
}

TEST_CASE("connection: without a unit of ours it is opened at once") {
  Connection connection(false, 1);
  CHECK(connection.start(at(0s)) == Step::open);
  CHECK(connection.state() == LibvirtState::connecting);
}

TEST_CASE("connection: tries can be kept close together") {
  Connection connection(true, 1);
  connection.limit_retries(800ms);
  connection.start(at(0s));
  Moment now = at(0s);
  for (int i = 0; i < 10; ++i) {
    connection.unit_started(kFailure, now);
    REQUIRE(connection.wake());
    CHECK(*connection.wake() - now.steady <= 1s);
    now.steady = *connection.wake();
    CHECK(connection.tick(now) == Step::start_unit);
  }
}

TEST_CASE("connection: every event in every state") {
  using Event = std::function<Step(Connection&)>;
  struct Row {
    std::string what;
    Event event;
    Step steps[5];  // by state: down, starting-unit, connecting, syncing, ready
    LibvirtState becomes[5];
  };
  constexpr auto no = Step::nothing;
  constexpr auto down = LibvirtState::down;
  constexpr auto starting = LibvirtState::starting_unit;
  constexpr auto connecting = LibvirtState::connecting;
  constexpr auto syncing = LibvirtState::syncing;
  constexpr auto ready = LibvirtState::ready;
  const Row rows[] = {
      {"unit started",
       [](Connection& c) { return c.unit_started({}, at(1s)); },
       {no, Step::open, no, no, no},
       {down, connecting, connecting, syncing, ready}},
      {"unit failed",
       [](Connection& c) { return c.unit_started(kFailure, at(1s)); },
       {no, no, no, no, no},
       {down, down, connecting, syncing, ready}},
      {"opened",
       [](Connection& c) { return c.opened(at(1s)); },
       {no, no, Step::list, no, no},
       {down, starting, syncing, syncing, ready}},
      {"open failed",
       [](Connection& c) { return c.open_failed(kFailure, at(1s)); },
       {no, no, no, no, no},
       {down, starting, down, syncing, ready}},
      {"listed",
       [](Connection& c) { return c.listed({}, at(1s)); },
       {no, no, no, no, no},
       {down, starting, connecting, ready, ready}},
      {"list failed",
       [](Connection& c) { return c.listed(kFailure, at(1s)); },
       {no, no, no, no, no},
       {down, starting, connecting, down, down}},
      {"lost",
       [](Connection& c) { return c.lost(false, "ended", at(1s)); },
       {no, no, no, no, no},
       {down, starting, connecting, down, down}},
      {"hangs",
       [](Connection& c) { return c.lost(true, "hangs", at(1s)); },
       {no, no, no, Step::replace_unit, Step::replace_unit},
       {down, starting, connecting, starting, starting}},
      {"restart",
       [](Connection& c) { return c.restart("asked", at(1s)); },
       {Step::restart_unit, no, Step::restart_unit, Step::restart_unit, Step::restart_unit},
       {starting, starting, starting, starting, starting}},
      {"replace",
       [](Connection& c) { return c.replace("it hangs", at(1s)); },
       {Step::replace_unit, Step::replace_unit, Step::replace_unit, Step::replace_unit, Step::replace_unit},
       {starting, starting, starting, starting, starting}},
      {"a tick too early",
       [](Connection& c) { return c.tick(at(1s)); },
       {no, no, no, no, no},
       {down, starting, connecting, syncing, ready}},
  };
  for (const auto& row : rows) {
    CAPTURE(row.what);
    for (std::size_t i = 0; i < 5; ++i) {
      CAPTURE(to_text(kStates[i]));
      auto connection = in(kStates[i]);
      CHECK(row.event(connection) == row.steps[i]);
      CHECK(to_text(connection.state()) == to_text(row.becomes[i]));
      const bool untouched = connection.state() == down && kStates[i] == down;
      CHECK(connection.reason().empty() == untouched);
      const bool waits = connection.state() == connecting || (connection.state() == down && kStates[i] != down);
      CHECK_MESSAGE(connection.wake().has_value() == waits, "it can get stuck, or is woken for nothing");
    }
  }
}

TEST_CASE("connection: a daemon that worked for a while is asked for again at once") {
  auto connection = in(LibvirtState::ready);
  CHECK(connection.lost(false, "ended", at(10s)) == Step::start_unit);
  CHECK(connection.reason() == "ended");
}

TEST_CASE("connection: failures are retried with a growing wait and say why") {
  auto connection = in(LibvirtState::starting_unit);
  auto now = at(0s);
  for (int attempt = 0; attempt < 12; ++attempt) {
    CAPTURE(attempt);
    CHECK(connection.unit_started(kFailure, now) == Step::nothing);
    CHECK(connection.reason() == "no such unit");
    REQUIRE(connection.wake());
    const auto wait = std::chrono::duration<double>(*connection.wake() - now.steady).count();
    const double nominal = std::min(0.25 * (1 << attempt), 30.0);
    CHECK(wait >= nominal * 0.799);
    CHECK(wait <= nominal * 1.201);
    CHECK(connection.tick({*connection.wake() - 1ms, 0}) == Step::nothing);
    now.steady = *connection.wake();
    CHECK(connection.tick(now) == Step::start_unit);
    CHECK(connection.reason() == "trying again after: no such unit");
  }
  connection.unit_started({}, now);
  connection.opened(now);
  connection.listed({}, now);
  now.steady += 1min;
  connection.lost(false, "ended", now);
  connection.unit_started(kFailure, now);
  CHECK_MESSAGE(*connection.wake() - now.steady < 1s, "what worked ends the back-off");
}

TEST_CASE("connection: a daemon that accepts and never answers is replaced, or given up when it is not ours") {
  auto managed = in(LibvirtState::connecting);
  CHECK(managed.tick(at(30s)) == Step::replace_unit);
  CHECK(managed.reason().find("30 s") != std::string::npos);
  Connection foreign(false, 1);
  foreign.start(at(0s));
  CHECK(foreign.tick(at(30s)) == Step::nothing);
  CHECK(foreign.state() == LibvirtState::down);
  CHECK(foreign.tick({*foreign.wake(), 0}) == Step::open);
}

TEST_CASE("connection: a daemon that dies whenever it is connected to is not started in a tight loop") {
  auto connection = in(LibvirtState::ready);
  auto now = at(0s);
  int started = 0;
  while (now.steady < at(60s).steady) {
    if (connection.state() == LibvirtState::ready) connection.lost(false, "ended", now);
    if (connection.state() == LibvirtState::down) {
      now.steady = std::max(now.steady, *connection.wake());
      connection.tick(now);
    }
    REQUIRE(connection.state() == LibvirtState::starting_unit);
    if (++started > 1000) break;
    connection.unit_started({}, now);
    connection.opened(now);
    connection.listed({}, now);
  }
  CHECK(started < 30);
}
