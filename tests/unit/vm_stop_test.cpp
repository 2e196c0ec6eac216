// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/stop_actions.hpp"
#include "core_fixture.hpp"

#include <doctest/doctest.h>

using namespace virtsession;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

/// A run that stops one VM and has all the time that it wants.
struct Terms final : StopTerms {
  const Cause& cause() const override { return because; }
  bool ends_session() const override { return false; }
  bool hurried() const override { return is_hurried; }
  bool may_begin(const Vm&) const override { return its_turn; }
  StopShare share(const Vm&, SteadyTime) const override { return cut; }
  Duration spare(const Vm&, SteadyTime) const override { return {}; }
  SteadyTime last_call() const override { return end; }

  Cause because = asked_by("me");
  bool is_hurried = false;
  bool its_turn = true;
  StopShare cut;
  SteadyTime end = SteadyTime::max();
};

/// One VM that runs and is to be stopped.
struct OneStop {
  explicit OneStop(const json& policy = {}) : vm(core.running("web", policy)) {}
  template <class Change>
  OneStop(const json& policy, Change change) : OneStop(policy) {
    core.tell(vm, change);
  }
  VmStop& stop() {
    if (!vm.stop()) vm.set_stop(VmStop(possible_actions(vm, nullptr)));
    return *vm.stop();
  }
  void advance() {
    while (stop().advance(vm, terms, core.now)) {
    }
  }
  /// What libvirt is asked for by now.
  std::string done() {
    advance();
    return core.done();
  }
  /// What libvirt is asked for after that time.
  std::string after(Duration time) {
    core.pass(time);
    return done();
  }
  void answers(const Result<void>& result = {}) {
    CHECK(stop().on_call_done(vm, core.take_call(), result, terms, core.now));
    advance();
  }
  void off(ShutoffReason reason) {
    core.goes_down(vm, reason);
    advance();
  }

  CoreFixture core;
  Terms terms;
  Vm& vm;
};

const Error kNo{ErrorCode::operation_failed, "no"};

void has_agent(DomainSnapshot& domain) { domain.agent_connected = true; }

}  // namespace

TEST_CASE("a VM's stop: how long does a guest get, and what comes then?") {
  OneStop test(json{{"stop_timeout_sec", 40}});
  for (int i = 0; i < 4; ++i) {  // it may have been booting when its button was pressed before
    CHECK(test.done() == "shut down web");
    CHECK(test.core.says(test.vm) == "stopping: the guest is asked to shut down by its power button asked for by me");
    test.answers();
    CHECK(test.after(9s).empty());
    test.core.pass(1s);
  }
  CHECK(test.done() == "save web");
  CHECK(test.core.says(test.vm) == "saving: is being saved asked for by me; shutdown: not in time");
  for (int second = 0; second < 39; ++second) {
    CHECK(test.after(1s) == "read the progress of web");
    test.answers();
  }
  CHECK(test.after(1s) == "abort the job of web");
  test.answers();
  CHECK(test.after(2s).empty());
  CHECK(test.after(1s).empty());  // the save has not ended
  test.off(ShutoffReason::saved);
  CHECK(test.stop().outcome() == StopOutcome::saved);
}

TEST_CASE("a VM's stop: what libvirt refuses is given up at once, and what is last is told to be forced") {
  OneStop test;
  CHECK(test.done() == "shut down web");
  test.answers(kNo);
  CHECK(test.done() == "save web");
  test.answers(kNo);
  CHECK(test.done() == "power off web");
  CHECK(test.core.journal().find("web: is powered off asked for by me; shutdown: no; save: no") != std::string::npos);
}

TEST_CASE("a VM's stop: what is last has all the time there is") {
  OneStop test(json{{"stop_actions", {"poweroff"}}});
  test.terms.end = test.core.now.steady + 1min;
  CHECK(test.done() == "power off web");
  CHECK(test.after(1h).empty());
  CHECK_FALSE(test.stop().ended());
  OneStop save(json{{"stop_actions", {"save"}}});
  CHECK(save.done() == "save web");
  CHECK(save.after(1h) == "read the progress of web");
}

TEST_CASE("a VM's stop: a guest that ignores its button is given up even when nothing else is left") {
  OneStop test(json{{"stop_actions", {"shutdown"}}, {"stop_timeout_sec", 10}});
  test.advance();
  test.answers();
  test.after(10s);
  CHECK(test.stop().outcome() == StopOutcome::left_running);
  CHECK(test.core.says(test.vm) == "running: could not be stopped; shutdown: not in time");
}

TEST_CASE("a VM's stop: a guest is asked through its agent first, and then by its button") {
  OneStop test({}, has_agent);
  test.advance();
  CHECK(std::get<call::Shutdown>(test.core.take_call().operation.call).way == ShutdownWay::agent);
  test.after(10s);
  CHECK(std::get<call::Shutdown>(test.core.take_call().operation.call).way == ShutdownWay::acpi);
}

TEST_CASE("a VM's stop: an agent that does not answer costs no time") {
  OneStop test({}, has_agent);
  CHECK(test.done() == "shut down web");
  test.answers(kNo);
  CHECK(test.done() == "shut down web");
  CHECK(std::get<call::Shutdown>(test.core.take_call().operation.call).way == ShutdownWay::acpi);
}

TEST_CASE("a VM's stop: a guest that was asked once is not given up because it cannot be asked again") {
  OneStop test;
  CHECK(test.done() == "shut down web");
  test.answers();
  CHECK(test.after(10s) == "shut down web");
  test.answers(kNo);
  CHECK(test.done().empty());
  CHECK(test.core.says(test.vm).starts_with("stopping: the guest is asked"));
}

TEST_CASE("a VM's stop: a guest that is paused does not see its button") {
  OneStop test({}, [](auto& domain) { domain.state = DomainState::paused; });
  CHECK(test.done() == "resume web");
  test.core.tell(test.vm, [](auto& domain) { domain.state = DomainState::running; });
  test.answers();
  CHECK(test.core.done() == "shut down web");
}

TEST_CASE("a VM's stop: a guest that starts again instead is not asked again") {
  OneStop test;
  test.advance();
  test.answers();
  static_cast<void>(test.core.done());
  test.stop().on_rebooted(test.vm, test.terms, test.core.now);
  CHECK(test.core.done() == "save web");
}

TEST_CASE("a VM's stop: while libvirt works on the VM, it waits") {
  OneStop test({}, [](auto& domain) {
    domain.in_job = true;
    domain.state_reason = "migrating";
  });
  CHECK(test.done().empty());
  CHECK(test.core.says(test.vm) == "stopping: waits until libvirt has ended its work on it (migrating)");
  test.core.tell(test.vm, [](auto& domain) { domain.in_job = false; });
  CHECK(test.done() == "shut down web");
}

TEST_CASE("a VM's stop: it waits for its turn") {
  OneStop test;
  test.terms.its_turn = false;
  CHECK(test.done().empty());
  CHECK(test.core.says(test.vm) == "stopping: waits for its turn to be stopped asked for by me");
  test.terms.its_turn = true;
  CHECK(test.done() == "shut down web");
}

TEST_CASE("a VM's stop: one that its policy leaves running waits for nobody") {
  OneStop test(json{{"stop_actions", {"leave"}}});
  test.terms.its_turn = false;
  CHECK(test.done().empty());
  CHECK(test.stop().outcome() == StopOutcome::left_running);
}

TEST_CASE("a VM's stop: how did it end?") {
  for (const auto& [reason, outcome] :
       {std::pair{ShutoffReason::shutdown, StopOutcome::shut_down}, std::pair{ShutoffReason::saved, StopOutcome::saved},
        std::pair{ShutoffReason::destroyed, StopOutcome::powered_off},
        std::pair{ShutoffReason::crashed, StopOutcome::ended_otherwise}}) {
    OneStop test;
    test.advance();
    test.off(reason);
    CHECK(test.stop().outcome() == outcome);
  }
}

TEST_CASE("a VM's stop: somebody who does not want to wait gets the last action") {
  OneStop test;
  test.advance();
  test.answers();
  static_cast<void>(test.core.done());
  test.stop().hurry(test.vm, test.terms, test.core.now);
  CHECK(test.core.done() == "power off web");
}

TEST_CASE("a VM's stop: a save that is under way is aborted for somebody who does not want to wait") {
  OneStop test(json{{"stop_actions", {"save", "poweroff"}}});
  CHECK(test.done() == "save web");
  const auto save = test.core.take_call();
  test.terms.is_hurried = true;
  test.stop().hurry(test.vm, test.terms, test.core.now);
  CHECK(test.done() == "abort the job of web");
  CHECK(test.stop().on_call_done(test.vm, save, kNo, test.terms, test.core.now));
  CHECK(test.core.done() == "power off web");
}

TEST_CASE("a VM's stop: what was under way when libvirt was lost is tried again") {
  OneStop test(json{{"stop_actions", {"save", "poweroff"}}});
  CHECK(test.done() == "save web");
  static_cast<void>(test.core.calls.drop(test.vm.uuid()));
  test.stop().on_libvirt_lost();
  CHECK(test.done() == "save web");
}

TEST_CASE("a VM's stop: less time when that of the session does not suffice") {
  OneStop test(json{{"stop_timeout_sec", 40}});
  test.terms.cut.patience = 0.5;
  CHECK(test.done() == "shut down web");
  for (int i = 0; i < 3; ++i) {  // it is asked as often as with more time
    test.answers();
    CHECK(test.after(5s) == "shut down web");
  }
  test.answers();
  CHECK(test.after(5s) == "save web");
}

TEST_CASE("a VM's stop: how long may libvirt take to answer?") {
  struct Row {
    std::string action;
    void (*change)(DomainSnapshot&);
    Duration limit;
  };
  const std::vector<Row> rows = {{"shutdown", [](DomainSnapshot&) {}, 5s},
                                 {"shutdown", has_agent, 70s},
                                 {"poweroff", [](DomainSnapshot&) {}, 20s},
                                 {"save", [](DomainSnapshot&) {}, 10h}};
  for (const auto& row : rows) {
    CAPTURE(row.action);
    OneStop test(json{{"stop_actions", {row.action}}}, row.change);
    test.advance();
    CHECK_FALSE(test.stop().is_unanswered(test.core.now.steady + row.limit - 1s));
    CHECK(test.stop().is_unanswered(test.core.now.steady + row.limit) == (row.action != "save"));
    test.stop().forgive_unanswered();
    CHECK_FALSE(test.stop().is_unanswered(test.core.now.steady + row.limit));
  }
}

TEST_CASE("a VM's stop: which QEMU gets SIGTERM at the last call?") {
  OneStop asked;
  asked.advance();
  CHECK(asked.stop().is_to_terminate(asked.vm));
  OneStop left(json{{"stop_actions", {"leave"}}});
  CHECK_FALSE(left.stop().is_to_terminate(left.vm));
  OneStop saves(json{{"stop_actions", {"save"}}});
  saves.advance();
  CHECK_FALSE(saves.stop().is_to_terminate(saves.vm));  // it may still end well
  saves.core.connected = false;
  CHECK(saves.stop().is_to_terminate(saves.vm));
  asked.stop().terminate(asked.vm, asked.terms, asked.core.now);
  CHECK(asked.core.done() == "shut down web, SIGTERM to web");
  CHECK_FALSE(asked.stop().is_to_terminate(asked.vm));
}
