// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/stop_run.hpp"
#include "core_fixture.hpp"

#include <doctest/doctest.h>

using namespace virtsession;
using namespace std::chrono_literals;

// The rules of a run that stops all, each alone; how it goes with a libvirt that behaves is in stop_run_test.

namespace {

struct Stopping {
  /// A person wants it.
  void begins(std::optional<Duration> within = std::nullopt) {
    stops.begin(asked_by("me"), within ? std::optional(core.now.steady + *within) : std::nullopt, core.now);
  }
  void session_ends(Duration within, std::set<std::string> up = {}) {
    stops.end_session(core.now.steady + within, std::move(up), core.now);
  }
  /// What is to be done by now.
  std::string goes_on() {
    stops.advance(core.now);
    return core.done();
  }
  std::string after(Duration time) {
    core.pass(time);
    return goes_on();
  }
  std::string goes_down(Vm& vm) {
    core.goes_down(vm, ShutoffReason::shutdown);
    static_cast<void>(core.calls.drop(vm.uuid()));
    return goes_on();
  }
  Duration left() const { return *stops.deadline() - core.now.steady; }

  CoreFixture core;
  StopRun stops{core.context, core.vms};
};

}  // namespace

TEST_CASE("stop of all: in what order?") {
  Stopping test;
  test.core.running("db", {{"start_order", 1}});
  auto& app = test.core.running("app", {{"start_order", 5}, {"start_after", {"db"}}});
  auto& web = test.core.running("web", {{"start_order", 5}, {"start_after", {"app"}}});
  test.begins();
  CHECK(test.goes_on() == "shut down web");
  CHECK(test.goes_down(web) == "shut down app");
  CHECK(test.goes_down(app) == "shut down db");
}

TEST_CASE("stop of all: no more at once than the configuration says") {
  Stopping test;
  test.core.config.stop_parallel = 2;
  auto& a = test.core.running("a");
  test.core.running("b");
  test.core.running("c");
  test.begins();
  CHECK(test.goes_on() == "shut down a, shut down b");
  CHECK(test.goes_down(a) == "shut down c");
}

TEST_CASE("stop of all: neither another program's VM nor one that is off has to do with it") {
  Stopping test;
  test.core.off("off");
  test.core.tell(test.core.running("transient"), [](auto& domain) { domain.persistent = false; });
  test.begins();
  CHECK(test.core.journal() == "Stopping 0 VMs asked for by me");
  CHECK(test.goes_on().empty());
  CHECK_FALSE(test.stops.under_way());
}

TEST_CASE("stop of all: what was to start does not, and at the end of the session is wanted all the same") {
  for (const bool session : {false, true}) {
    CAPTURE(session);
    Stopping test;
    auto& vm = test.core.off("web");
    vm.set_start(VmStart::in_order({CauseKind::login}, true));
    vm.want(Intent::up);
    if (session)
      test.session_ends(1min);
    else
      test.begins();
    CHECK_FALSE(vm.start());
    CHECK(vm.status().intent == (session ? Intent::up : Intent::down));
    CHECK(test.core.says(vm).starts_with("inactive: not started: "));
  }
}

TEST_CASE("stop of all: whoever waits for it is answered when it ends, and is told what still runs") {
  Stopping test;
  auto& web = test.core.running("web");
  test.core.running("db", {{"stop_actions", {"leave"}}});
  test.begins();
  test.core.answers.open(1, StopEnds{});
  test.goes_on();
  CHECK(test.core.answered().empty());
  test.goes_down(web);
  CHECK(test.core.answered() == "1: done");  // what is left on purpose is no failure
  CHECK(test.core.journal().find("Stopping VMs asked for by me has ended: 1 left running, 1 shut down") !=
        std::string::npos);
  auto& refuses = test.core.running("refuses", {{"stop_actions", {"shutdown"}}});
  test.begins();
  test.core.answers.open(2, StopEnds{});
  test.goes_on();
  const auto call = test.core.take_call();
  CHECK(test.stops.on_call_done(refuses, call, Error{ErrorCode::operation_failed, "no"}, test.core.now));
  test.goes_on();
  CHECK(test.core.answered() == "2: OperationFailed");
}

TEST_CASE("stop of all: whoever waits for starts is answered") {
  Stopping test;
  test.core.running("web");
  test.core.answers.open(1, StartsSettle{});
  test.begins();
  CHECK(test.core.answered() == "1: ShuttingDown");
}

TEST_CASE("stop of all: a second wish for it may bring its deadline forward, and never puts it off") {
  Stopping test;
  test.core.running("web");
  test.begins();
  CHECK_FALSE(test.stops.deadline());
  test.begins(2min);
  CHECK(test.left() == 2min);
  test.begins(1min);
  CHECK(test.left() == 1min);
  test.begins(1h);
  CHECK(test.left() == 1min);
  test.begins();
  CHECK(test.left() == 1min);
}

TEST_CASE("stop of all: may anything start?") {
  Stopping test;
  auto& web = test.core.running("web");
  CHECK_FALSE(test.stops.forbids_starts());
  test.begins();
  CHECK(test.stops.forbids_starts());
  test.goes_on();
  test.goes_down(web);
  CHECK_FALSE(test.stops.forbids_starts());
  test.session_ends(1min);
  test.goes_on();
  CHECK(test.stops.session_over());
  CHECK(test.stops.forbids_starts());  // the next login does
}

TEST_CASE("the end of the session: what is left running by a person's stop of all is stopped then") {
  Stopping test;
  auto& stubborn = test.core.running("web", {{"stop_actions", {"shutdown"}}, {"stop_timeout_sec", 5}});
  auto& slow = test.core.running("slow");
  test.core.tell(slow, [](auto& domain) { domain.agent_connected = true; });
  test.begins();
  test.goes_on();
  static_cast<void>(test.core.calls.drop(stubborn.uuid()));
  test.after(5s);
  CHECK_FALSE(stubborn.is_stopping());
  test.session_ends(1min);
  CHECK(test.goes_on() == "shut down web");
}

TEST_CASE("the end of the session: what another client starts meanwhile is stopped, too") {
  Stopping test;
  test.core.running("web");
  auto& late = test.core.off("late");
  test.session_ends(2min);
  test.goes_on();
  test.core.comes_up(late);
  CHECK(test.goes_on() == "shut down late");
}

TEST_CASE("the end of the session: how long does a guest get?") {
  for (const auto& row : {std::pair<Duration, int>{5min, 60}, {30s, 21}}) {
    const auto within = row.first;
    const auto patience = row.second;
    CAPTURE(patience);
    Stopping test;
    auto& vm = test.core.running("web", {{"stop_actions", {"shutdown", "poweroff"}}});
    test.session_ends(within);
    test.goes_on();
    static_cast<void>(test.core.calls.drop(vm.uuid()));
    int seconds = 0;
    for (std::string done; done != "power off web" && seconds < 300; ++seconds) {
      done = test.after(1s);
      if (done == "shut down web") CHECK(test.stops.on_call_done(vm, test.core.take_call(), {}, test.core.now));
    }
    CHECK(seconds == patience);  // of 30 s, 5 are for QEMU without libvirt, 3 for the power-off, one for late timers
  }
}

TEST_CASE("the end of the session: a libvirt that does not answer is replaced, and SIGTERM comes when it stays away") {
  Stopping test;
  test.core.running("web");
  test.session_ends(1min);
  CHECK(test.goes_on() == "shut down web");
  CHECK(test.after(4s).empty());
  CHECK(test.after(1s) == "replace libvirt");
  test.core.connected = false;
  static_cast<void>(test.core.calls.drop("uuid-web"));
  test.stops.on_libvirt_lost(test.core.now);
  CHECK(test.after(4s).empty());
  CHECK(test.after(1s) == "replace libvirt");
  CHECK(test.after(9s).find("SIGTERM") == std::string::npos);
  CHECK(test.after(1s).find("SIGTERM to web") != std::string::npos);
  test.stops.on_qemu_ended(test.core.vms.at("uuid-web"));
  test.goes_on();
  CHECK(test.stops.session_over());
  CHECK(test.core.journal().find("1 ended by SIGTERM") != std::string::npos);
}

TEST_CASE("a stop for a person: libvirt is waited for, and nothing is ended without it") {
  Stopping test;
  test.core.running("web");
  test.begins(1min);
  CHECK(test.goes_on() == "shut down web");
  test.core.connected = false;
  test.stops.on_libvirt_lost(test.core.now);
  CHECK(test.after(59s).empty());
}

TEST_CASE("the end of the session: a new instance goes on to the same deadline, when it has seen the VMs") {
  Stopping test;
  test.core.connected = false;
  const auto begun = test.core.now.steady;
  test.stops.resume(KeptStop{begun, begun + 1min}, {"uuid-web"});
  test.stops.wait_for_unseen(true);
  test.goes_on();
  CHECK_FALSE(test.stops.session_over());
  test.core.running("web");
  test.core.connected = true;
  test.stops.wait_for_unseen(false);
  CHECK(test.goes_on() == "shut down web");
  CHECK(test.left() == 1min);
  CHECK(test.stops.up() == std::set<std::string>{"uuid-web"});
}

TEST_CASE("stop of all: what was saved for the host's sleep stays off") {
  Stopping test;
  auto& vm = test.core.running("web");
  vm.set_hold(VmHold({CauseKind::host_sleeps}, HoldAction::save));
  test.core.goes_down(vm, ShutoffReason::saved);
  CHECK(vm.hold());
  test.begins();
  CHECK_FALSE(vm.hold());
  CHECK(vm.status().intent == Intent::down);
}
