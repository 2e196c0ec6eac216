// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/kept_state.hpp"
#include "core/ready_wait.hpp"
#include "core/vm_kept.hpp"
#include "core_fixture.hpp"

#include <doctest/doctest.h>

using namespace virtsession;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

Kept full() {
  Kept kept;
  kept.autostart_begun = true;
  kept.vms["uuid-web"] = {.id = 7,
                          .intent = Intent::up,
                          .started_usec = 5,
                          .restart_count = 2,
                          .last_error = "QEMU crashed",
                          .never_ready = true,
                          .ready_wait_ordered = true,
                          .start = KeptStart{asked_by("me"), false, false, true},
                          .hold = KeptHold{{CauseKind::host_sleeps}, HoldAction::save, true},
                          .gave_up = "failed too often",
                          .own_forwards = {{"net0", {"0.0.0.0", 2222, PortProtocol::tcp}, 22}}};
  kept.stop = KeptStop{SteadyTime(1h), SteadyTime(2h)};
  kept.power = HostPower::low_battery;
  kept.up = {"uuid-web", "uuid-db"};
  return kept;
}

/// The VM is seen by the next instance. \return whether what was kept said anything of it
bool next_instance(CoreFixture& core, const KeptVm& kept, DomainSnapshot domain) {
  return restore(core.vms.add(std::move(domain)), kept, {}, core.now);
}

/// One that ran under that id when the last instance saw it; -1: it was off.
KeptVm kept_run(std::int64_t id) {
  KeptVm kept;
  kept.id = id;
  kept.intent = Intent::up;
  kept.started_usec = 5;
  return kept;
}

DomainSnapshot run_of(int id) {
  auto domain = CoreFixture::snapshot("web");
  domain.id = id;
  domain.state = DomainState::running;
  domain.shutoff_reason = ShutoffReason::none;
  return domain;
}

}  // namespace

TEST_CASE("kept files: everything that one instance leaves is read by the next") {
  const auto state = to_state(full());
  CHECK(to_state(from_state(state)) == state);
  const auto kept = from_state(state);
  CHECK(kept.autostart_begun);
  CHECK(kept.up == full().up);
  REQUIRE(kept.stop);
  CHECK(kept.stop->deadline == SteadyTime(2h));
  CHECK(kept.power == HostPower::low_battery);
  const auto& vm = kept.vms.at("uuid-web");
  CHECK(vm.id == 7);
  CHECK(vm.intent == Intent::up);
  CHECK(vm.ready_wait_ordered == true);
  REQUIRE(vm.start);
  CHECK(vm.start->cause == asked_by("me"));
  CHECK_FALSE(vm.start->marked);
  REQUIRE(vm.hold);
  CHECK(vm.hold->why == Cause{CauseKind::host_sleeps});
  CHECK(vm.hold->action == HoldAction::save);
  CHECK(vm.hold->answered);
  CHECK(vm.gave_up == "failed too often");
  CHECK(vm.own_forwards == full().vms["uuid-web"].own_forwards);
}

TEST_CASE("kept files: of a session that is over, only what ran is left") {
  auto kept = full();
  kept.session_over = true;
  const auto next = from_state(to_state(kept));
  CHECK_FALSE(next.autostart_begun);
  CHECK(next.vms.empty());
  CHECK_FALSE(next.stop);
  CHECK(next.up == kept.up);
}

TEST_CASE("kept files: what is damaged of the lasting state counts as not there, and the rest is used") {
  auto state = to_state(full());
  state.login["vms"]["uuid-web"]["started_usec"] = -1;
  state.login["stop"]["deadline_usec"] = 1e300;
  state.lasting["up"].push_back(nullptr);
  const auto kept = from_state(state);
  CHECK(kept.vms.at("uuid-web").started_usec == 0);
  CHECK(kept.vms.at("uuid-web").restart_count == 2);
  CHECK_FALSE(kept.stop);
  CHECK(kept.up == full().up);
  CHECK(from_state({json(5), json::array()}).vms.empty());
}

TEST_CASE("kept files: of a login's state that cannot be used only is known that the login is not new") {
  const auto good = to_state(full()).login;
  CHECK(login_problem(good) == "");
  CHECK_FALSE(from_state({}).autostart_begun);
  const std::pair<const char*, const char*> wrong[] = {
      {"null", "it is null, not an object"},
      {"[]", "it is a list, not an object"},
      {R"({"format": 2})", "its format 2 is not known"},
      {R"({"format": "1"})", "its format \"1\" is not known"},
      {R"({"autostart_begun": null})", "autostart_begun is missing"},
      {R"({"autostart_begun": "no"})", "autostart_begun is a string, not a boolean"},
      {R"({"vms": []})", "vms is a list, not an object"},
      {R"({"vms": {"a": 5}})", "vms/a is an integer, not an object"},
      {R"({"vms": {"a": {"id": "7"}}})", "vms/a/id is a string, not an integer"},
      {R"({"vms": {"a": {"id": 7, "intent": "sideways"}}})", "vms/a/intent is none that is known"},
      {R"({"vms": {"a": {"id": 7, "intent": "up", "task": true}}})", "vms/a/task is a boolean, not an object"},
      {R"({"vms": {"a": {"id": 7, "intent": "up", "task": {"cause": "login"}}}})", "vms/a/task/ordered is missing"},
  };
  for (const auto& [patch, problem] : wrong) {
    const std::string text = patch;
    CAPTURE(text);
    auto login = good;
    login["autostart_begun"] = false;
    login.merge_patch(json::parse(text));
    CHECK(login_problem(login) == problem);
    const auto kept = from_state({login, json::object()});
    CHECK(kept.autostart_begun);
    CHECK(kept.vms.empty());
    CHECK_FALSE(kept.stop);
  }
}

TEST_CASE("kept files: an error of libvirt's that is no UTF-8 can be written") {
  auto kept = full();
  kept.vms["uuid-web"].last_error = "caf\xe9";
  CHECK_NOTHROW(static_cast<void>(to_state(kept).login.dump()));
}

TEST_CASE("kept VM: the same run goes on, with what was known of it") {
  CoreFixture core;
  auto before = kept_run(7);
  before.restart_count = 2;
  before.never_ready = true;
  CHECK(next_instance(core, before, run_of(7)));
  const auto& vm = core.vms.at("uuid-web");
  CHECK(vm.run()->started_usec() == 5);
  CHECK(vm.run()->readiness().never());
  CHECK(vm.restarts().count() == 2);
  CHECK(core.says(vm) == "running: running");
}

TEST_CASE("kept VM: another run was started meanwhile") {
  CoreFixture core;
  CHECK(next_instance(core, kept_run(7), run_of(8)));
  CHECK(core.vms.at("uuid-web").run()->started_usec() == core.now.wall_usec);
  CHECK(core.journal() == "web: started (another libvirt client)");
}

TEST_CASE("kept VM: one that ran and is off was stopped meanwhile, by somebody who wanted that") {
  CoreFixture core;
  CHECK(next_instance(core, kept_run(7), CoreFixture::snapshot("web")));
  CHECK(core.vms.at("uuid-web").status().intent == Intent::down);
}

TEST_CASE("kept VM: one that crashed meanwhile is restarted by its policy") {
  CoreFixture core;
  auto domain = CoreFixture::snapshot("web", {{"restart", "on-failure"}});
  domain.shutoff_reason = ShutoffReason::crashed;
  CHECK(next_instance(core, kept_run(7), domain));
  CHECK(core.vms.at("uuid-web").start());
}

TEST_CASE("kept VM: one that was queued, or had been given up, still is") {
  CoreFixture queued;
  auto waits = kept_run(-1);
  waits.start = KeptStart{{CauseKind::login}};
  CHECK(next_instance(queued, waits, CoreFixture::snapshot("web")));
  CHECK(queued.says(queued.vms.at("uuid-web")) == "queued: waits for its turn");
  CoreFixture given_up;
  auto failed = kept_run(-1);
  failed.gave_up = "failed too often";
  CHECK(next_instance(given_up, failed, CoreFixture::snapshot("web")));
  CHECK(given_up.says(given_up.vms.at("uuid-web")) == "gave-up: failed too often");
}

TEST_CASE("kept VM: nothing was left of one that was off and is") {
  CoreFixture core;
  CHECK_FALSE(next_instance(core, {}, CoreFixture::snapshot("web")));
}

TEST_CASE("kept VM: what is kept of one says what it does") {
  CoreFixture core;
  auto& vm = core.running("web", {{"start_ready", "agent"}});
  begin_ready_wait(vm, true, core.now);
  vm.set_hold(VmHold({CauseKind::host_sleeps}, HoldAction::pause));
  const auto kept = kept_of(vm);
  CHECK(kept.id == vm.domain().id);
  CHECK(kept.intent == Intent::up);
  CHECK(kept.ready_wait_ordered == true);
  REQUIRE(kept.hold);
  CHECK(kept.hold->why == Cause{CauseKind::host_sleeps});
  CHECK(kept.hold->action == HoldAction::pause);
  CHECK(kept.gave_up.empty());
}

TEST_CASE("kept state: one after the other is as each by itself") {
  KeptStates states;
  auto kept = full();
  const auto is_as_by_itself = [&] { return states.next(kept) == to_state(kept); };
  CHECK(is_as_by_itself());
  kept.vms["uuid-db"] = kept_run(3);
  CHECK(is_as_by_itself());
  kept.vms["uuid-db"].save_refusal = "it has a host device";
  kept.vms["uuid-web"].hold->answered = false;
  kept.vms["uuid-web"].start->cause = asked_by("you");
  CHECK(is_as_by_itself());
  kept.vms.erase("uuid-web");
  kept.stop = std::nullopt;
  kept.power = HostPower::unknown;
  CHECK(is_as_by_itself());
  kept.session_over = true;
  CHECK(is_as_by_itself());
  kept.session_over = false;
  CHECK(is_as_by_itself());
}
