// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/sleep_run.hpp"

#include "core_fixture.hpp"

#include <doctest/doctest.h>

using namespace virtsession;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

const Error kRefusal{ErrorCode::operation_failed, "no"};

struct HostSleep {
  /// \return what is done before it
  std::string falls_asleep(bool all_stop = false) {
    run.begin(all_stop, core.now);
    return core.done();
  }
  std::string wakes_up() {
    run.end(core.now);
    return goes_on();
  }
  std::string goes_on() {
    run.advance(core.now);
    return core.done();
  }
  void answers(Vm& vm, const Result<void>& result = {}) {
    CHECK(run.on_call_done(vm, core.take_call().operation.id, result, false, core.now));
  }
  void pauses(Vm& vm) {
    core.tell(vm, [](auto& domain) {
      domain.state = DomainState::paused;
      domain.pause_reason = PauseReason::user;
    });
  }

  CoreFixture core;
  SleepRun run{core.context, core.vms};
};

}  // namespace

TEST_CASE("host's sleep: what is done before it?") {
  HostSleep host;
  host.core.running("a-left");
  host.core.running("b-paused", {{"sleep", "pause"}});
  host.core.running("c-saved", {{"sleep", "save"}});
  auto& blocked = host.core.running("d-cannot-be-saved", {{"sleep", "save"}});
  host.core.tell(blocked, [](auto& domain) { domain.save_blocker = "it has a device of the host"; });
  host.core.off("e-off", {{"sleep", "save"}});
  auto& transient = host.core.running("f-transient", {{"sleep", "save"}});
  host.core.tell(transient, [](auto& domain) { domain.persistent = false; });
  auto& busy = host.core.running("g-busy", {{"sleep", "save"}});
  host.core.calls.send({.uuid = busy.uuid(), .call = call::Reboot{}}, asked_by("me"));
  static_cast<void>(host.core.done());
  CHECK(host.falls_asleep() == "pause b-paused, save c-saved, pause d-cannot-be-saved");
}

TEST_CASE("host's sleep: nothing is done while all are stopped, nor without libvirt") {
  HostSleep host;
  host.core.running("web", {{"sleep", "save"}});
  CHECK(host.falls_asleep(true).empty());
  host.core.connected = false;
  CHECK(host.falls_asleep().empty());
}

TEST_CASE("host's sleep: a VM that was paused goes on after it") {
  HostSleep host;
  auto& vm = host.core.running("web", {{"sleep", "pause"}});
  host.falls_asleep();
  host.pauses(vm);
  host.answers(vm);
  CHECK(host.core.says(vm) == "paused: paused for the host's sleep");
  CHECK(host.goes_on().empty());
  CHECK(host.wakes_up() == "resume web");
}

TEST_CASE("host's sleep: a VM that was saved is started after it") {
  HostSleep host;
  auto& vm = host.core.running("web", {{"sleep", "save"}});
  host.falls_asleep();
  host.core.goes_down(vm, ShutoffReason::saved);
  host.answers(vm);
  CHECK(vm.status().intent == Intent::up);
  CHECK(host.wakes_up().empty());
  REQUIRE(vm.start());
  CHECK(host.core.says(vm) == "queued: goes on: the host woke up");
}

TEST_CASE("host's sleep: what somebody else paused stays paused") {
  HostSleep host;
  auto& vm = host.core.running("web", {{"sleep", "pause"}});
  host.pauses(vm);
  CHECK(host.falls_asleep().empty());
  CHECK(host.wakes_up().empty());
}

TEST_CASE("host's sleep: what could not be saved is paused instead, while the host still falls asleep") {
  for (const bool awake : {false, true}) {
    CAPTURE(awake);
    HostSleep host;
    auto& vm = host.core.running("web", {{"sleep", "save"}});
    host.falls_asleep();
    const auto save = host.core.take_call().operation.id;
    if (awake) CHECK(host.wakes_up() == "abort the job of web");
    CHECK(host.run.on_call_done(vm, save, kRefusal, false, host.core.now));
    CHECK(host.core.done() == (awake ? "" : "pause web"));
    CHECK(vm.status().last_error ==
          std::string("failed to save for the host's sleep: ") + (awake ? "it was not done in time" : "no"));
  }
}

TEST_CASE("host's sleep: when has it to wait for us?") {
  HostSleep host;
  auto& vm = host.core.running("web");
  CHECK_FALSE(host.run.wants_lock());
  host.core.set_policy(vm, {{"sleep", "pause"}});
  CHECK(host.run.wants_lock());
  host.falls_asleep();
  CHECK(host.run.wants_lock());
  host.answers(vm);
  CHECK_FALSE(host.run.wants_lock());
}

TEST_CASE("host's sleep: the guest's clock is set after it, when its agent is there, once") {
  HostSleep host;
  auto& vm = host.core.running("web");
  host.falls_asleep();
  CHECK(host.wakes_up().empty());
  host.core.tell(vm, [](auto& domain) { domain.agent_connected = true; });
  host.core.pass(1h);
  CHECK(host.goes_on() == "set the clock of web");
  CHECK(std::get<call::SetTime>(host.core.take_call().operation.call).usec == host.core.now.wall_usec);
  CHECK(host.goes_on().empty());
}

TEST_CASE("host's sleep: the clock of a guest whose policy does not want that is left alone") {
  HostSleep host;
  auto& vm = host.core.running("web", {{"resume_sync_time", false}});
  host.core.tell(vm, [](auto& domain) { domain.agent_connected = true; });
  host.falls_asleep();
  CHECK(host.wakes_up().empty());
}
