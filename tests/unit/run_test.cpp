// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/run.hpp"

#include <doctest/doctest.h>

using namespace virtsession;
using namespace std::chrono_literals;

TEST_CASE("run: did the guest end it, or the host?") {
  Run run(0);
  CHECK_FALSE(run.host_ended_it());
  run.on_event(DomainEventKind::shutdown_by_host);
  CHECK(run.host_ended_it());
  CHECK_FALSE(run.guest_ended_it());
  run.on_event(DomainEventKind::shutdown_by_guest);  // it was faster
  CHECK_FALSE(run.host_ended_it());
  CHECK(run.guest_ended_it());
}

TEST_CASE("run: what was told of the last one is not so of the next") {
  Run run(0);
  run.on_event(DomainEventKind::panicked);
  run.on_event(DomainEventKind::shutdown_by_host);
  CHECK(run.panicked());
  run.on_event(DomainEventKind::started);
  CHECK_FALSE(run.panicked());
  CHECK_FALSE(run.host_ended_it());
}

TEST_CASE("run: of those who wait until it is off, the most patient one decides") {
  const SteadyTime now(1h);
  Run run(0);
  run.off_wait().begin(now + 30s, {now, 0});
  run.off_wait().begin(now + 60s, {now, 0});
  run.off_wait().begin(now + 10s, {now, 0});
  CHECK(run.off_wait().deadline() == now + 60s);
  run.off_wait().end();
  CHECK_FALSE(run.off_wait().deadline());
  run.off_wait().begin(now + 10s, {now, 0});
  CHECK(run.off_wait().deadline() == now + 10s);
}

TEST_CASE("run: one that was ready, or was never waited for, is not one that does not get ready") {
  Run run(0);
  run.readiness().give_up();
  CHECK_FALSE(run.readiness().never());
  run.readiness().wait_for({});
  run.readiness().reached();
  run.readiness().give_up();
  CHECK_FALSE(run.readiness().never());
  run.readiness().wait_for({});
  run.readiness().give_up();
  CHECK(run.readiness().never());
  CHECK_FALSE(run.readiness().wait());
}

TEST_CASE("run: an answer by TCP counts while it is waited for") {
  Run run(0);
  run.readiness().on_tcp_answer();
  run.readiness().wait_for({});
  CHECK_FALSE(run.readiness().wait()->answered);
  run.readiness().on_tcp_answer();
  CHECK(run.readiness().wait()->answered);
}

TEST_CASE("run: an end that was asked for, and came to nothing, is not asked for any more") {
  Run run(0);
  run.end_for(asked_by("me"));
  CHECK(run.end_cause() == asked_by("me"));
  run.keep_running();
  CHECK_FALSE(run.end_cause());
}

TEST_CASE("run: when one that was there before us began is learned, and what we saw is not doubted") {
  const Moment later{{}, 200'000'000};
  Run before_us(0);
  CHECK_FALSE(before_us.boots(later));
  before_us.learn_start(190'000'000);
  CHECK(before_us.started_usec() == 190'000'000);
  CHECK(before_us.boots(later));
  Run seen(150'000'000);
  seen.learn_start(149'000'000);
  CHECK(seen.started_usec() == 150'000'000);
}
