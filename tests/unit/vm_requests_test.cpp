// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/vm_requests.hpp"

#include "core_fixture.hpp"

#include <doctest/doctest.h>

using namespace virtsession;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

struct People {
  /// Somebody asks for it. \return the request's id
  RequestId ask(const Vm& vm, RequestKind kind, bool wait = true) {
    auto request = of(vm.uuid(), kind);
    request.wait = wait;
    return ask(request);
  }
  RequestId ask(const VmRequest& request) {
    requests.make(++last_, request, core.now);
    return last_;
  }
  static VmRequest of(const std::string& uuid, RequestKind kind) {
    VmRequest request;
    request.uuid = uuid;
    request.kind = kind;
    request.caller = "me";
    return request;
  }
  std::string check(const std::string& uuid, RequestKind kind, const std::string& forbidden = {}) {
    const auto result = requests.check(of(uuid, kind), forbidden);
    return result ? "may" : std::string(to_text(result.error().code));
  }
  std::string after(Duration time) {
    core.pass(time);
    requests.advance(core.now);
    return core.done();
  }
  /// libvirt answers its last call.
  void answers(Vm& vm, const Result<void>& result = {}) {
    const auto call = core.take_call();
    if (result)
      requests.on_done(vm, call, {}, core.now);
    else
      requests.on_failed(vm, call, result.error(), core.now);
    core.answers.close(CallEnds{call.operation.id}, result);
  }

  CoreFixture core;
  VmRequests requests{core.context, core.vms};

 private:
  RequestId last_ = 0;
};

const Error kLibvirtSaysNo{ErrorCode::operation_failed, "no"};

}  // namespace

TEST_CASE("requests of a VM: what can be said before?") {
  People people;
  people.core.off("web");
  auto& transient = people.core.running("transient");
  people.core.tell(transient, [](auto& domain) { domain.persistent = false; });
  CHECK(people.check("uuid-nobody", RequestKind::start) == "NoSuchVM");
  CHECK(people.check("uuid-web", RequestKind::start) == "may");
  CHECK(people.check("uuid-web", RequestKind::start, "all are being stopped") == "ShuttingDown");
  CHECK(people.check("uuid-web", RequestKind::save, "all are being stopped") == "may");
  CHECK(people.check("uuid-transient", RequestKind::set_autostart) == "NotSupported");
  CHECK(people.check("uuid-transient", RequestKind::set_policy) == "NotSupported");
  CHECK(people.check("uuid-transient", RequestKind::shutdown) == "may");
  CHECK(people.check("uuid-web", RequestKind::set_autostart_once) == "NotSupported");
  people.core.connected = false;
  CHECK(people.check("uuid-web", RequestKind::start) == "LibvirtUnavailable");
  CHECK(people.check("uuid-web", RequestKind::reset_failed) == "may");  // libvirt has nothing to do with it
}

TEST_CASE("requests of a VM: two who want the same are answered by one call, who wants another thing has to wait") {
  People people;
  auto& vm = people.core.off("web");
  people.ask(vm, RequestKind::start);
  people.ask(vm, RequestKind::start);
  CHECK(people.core.done() == "start web");
  people.ask(vm, RequestKind::save);
  CHECK(people.core.answered() == "3: Busy");
  people.core.comes_up(vm);
  people.answers(vm);
  CHECK(people.core.answered() == "1: done, 2: done");
}

TEST_CASE("requests of a VM: what is so already is done") {
  People people;
  auto &on = people.core.running("on"), &off = people.core.off("off"), &saved = people.core.running("saved");
  people.core.goes_down(saved, ShutoffReason::saved);
  people.ask(on, RequestKind::start);
  people.ask(off, RequestKind::shutdown);
  people.ask(off, RequestKind::power_off);
  people.ask(saved, RequestKind::save);
  people.ask(off, RequestKind::save);  // there is nothing to be saved
  CHECK(people.core.answered() == "1: done, 2: done, 3: done, 4: done, 5: OperationFailed");
  CHECK(people.core.done().empty());
}

TEST_CASE("requests of a VM: who starts or stops it wants it so from then on") {
  People people;
  auto& vm = people.core.off("web");
  people.ask(vm, RequestKind::start);
  CHECK(vm.status().intent == Intent::up);
  people.core.comes_up(vm);
  people.answers(vm);
  people.ask(vm, RequestKind::save);
  CHECK(vm.status().intent == Intent::down);
}

TEST_CASE("requests of a VM: a start that somebody stops does not follow") {
  People people;
  auto& vm = people.core.off("web");
  vm.set_start(VmStart::in_order({CauseKind::login}, true));
  people.ask(vm, RequestKind::shutdown);
  CHECK_FALSE(vm.start());
  CHECK(people.core.says(vm) == "inactive: not started: stopped by me");
}

TEST_CASE("requests of a VM: a guest that is asked to shut down gets a minute, and then runs on") {
  People people;
  auto& vm = people.core.running("web");
  people.ask(vm, RequestKind::shutdown);
  CHECK(people.core.done() == "shut down web");
  people.answers(vm);
  CHECK(people.requests.wake() == people.core.now.steady + 10s);  // it may be booting, and is asked again
  people.after(59s);
  CHECK(people.core.answered().empty());
  CHECK(people.core.says(vm) == "stopping: asked to shut down by me");
  people.after(1s);
  CHECK(people.core.answered() == "1: TimedOut");
  CHECK(vm.status().phase == Phase::running);
  CHECK(vm.status().last_error == "\"web\" did not shut down in the time it was given");
  CHECK(vm.status().intent == Intent::up);
}

TEST_CASE("requests of a VM: who has less patience is answered first, and the guest has the time of the other") {
  People people;
  auto& vm = people.core.running("web");
  people.ask(vm, RequestKind::shutdown);
  auto hasty = People::of(vm.uuid(), RequestKind::shutdown);
  hasty.timeout = 10s;
  people.ask(hasty);
  people.after(10s);
  CHECK(people.core.answered() == "2: TimedOut");
  CHECK(vm.status().phase == Phase::stopping);
  people.core.goes_down(vm, ShutoffReason::shutdown);
  CHECK(people.core.answered() == "1: done");
}

TEST_CASE("requests of a VM: who does not wait is answered when libvirt has taken it") {
  People people;
  auto &on = people.core.running("on"), &off = people.core.off("off");
  people.ask(off, RequestKind::start, false);
  CHECK(people.core.answered() == "1: done");
  people.ask(on, RequestKind::shutdown, false);
  CHECK(people.core.answered().empty());
  people.answers(on);
  CHECK(people.core.answered() == "2: done");
}

TEST_CASE("requests of a VM: how far a save is, is read again and again") {
  People people;
  auto& vm = people.core.running("web");
  people.ask(vm, RequestKind::save);
  CHECK(people.core.done() == "save web");
  CHECK(people.after(500ms).empty());
  CHECK(people.after(500ms) == "read the progress of web");
  CHECK(people.after(1s).empty());  // that was not answered
  people.requests.on_progress(vm, " (40 %)", people.core.now);
  CHECK(people.core.says(vm) == "saving: being saved (40 %) for me");
}

TEST_CASE("requests of a VM: a stop that libvirt refuses leaves it running, and wanted") {
  People people;
  auto& vm = people.core.running("web");
  people.ask(vm, RequestKind::shutdown);
  people.answers(vm, kLibvirtSaysNo);
  CHECK(people.core.answered() == "1: OperationFailed");
  CHECK(vm.status().phase == Phase::running);
  CHECK(vm.status().last_error == "failed to shut down: no");
  CHECK(vm.status().intent == Intent::up);
  CHECK_FALSE(vm.run()->end_cause());
}

TEST_CASE("requests of a VM: one that was given up is helped by ResetFailed, and by a start") {
  for (const auto kind : {RequestKind::reset_failed, RequestKind::start}) {
    People people;
    auto& vm = people.core.running("web", {{"restart", "on-failure"}, {"restart_limit", 1}});
    after_crash(vm, CrashKind::crashed, false, people.core.now);
    after_crash(vm, CrashKind::crashed, false, people.core.now);
    people.core.goes_down(vm, ShutoffReason::destroyed);
    vm.enter(Phase::gave_up, "gave up", {CauseKind::crash}, people.core.now);
    CHECK(vm.restarts().count() == 1);
    people.ask(vm, kind);
    CHECK(vm.restarts().count() == 0);
    CHECK(vm.status().phase == (kind == RequestKind::start ? Phase::starting : Phase::inactive));
  }
}

TEST_CASE("requests of a VM: ResetFailed ends the wait for another try") {
  People people;
  auto& vm = people.core.off("web");
  vm.set_start(VmStart::at(people.core.now.steady + 1min, {CauseKind::restart_policy}));
  vm.set_error("QEMU crashed");
  people.ask(vm, RequestKind::reset_failed);
  CHECK_FALSE(vm.start());
  CHECK(people.core.says(vm) == "inactive: its failure was reset by me");
  CHECK(vm.status().last_error.empty());
  CHECK(people.core.notices() == "web withdrawn");
}

TEST_CASE("requests of a VM: two changes of a policy, one after the other, are both in it") {
  People people;
  auto& vm = people.core.off("web", {{"start_order", 1}, {"unknown", 2}});
  for (const auto& change : {json{{"start_order", 5}}, json{{"restart", "always"}}}) {
    auto request = People::of(vm.uuid(), RequestKind::set_policy);
    request.policy = change;
    people.ask(request);
  }
  CHECK(people.core.done() == "set the policy of web, set the policy of web");
  const auto text = std::get<call::SetPolicy>(people.core.take_call().operation.call).text;
  REQUIRE(text);
  CHECK(json::parse(*text) == json{{"start_order", 5}, {"restart", "always"}, {"unknown", 2}});
}
