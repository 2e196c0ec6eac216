// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/start_run.hpp"

#include "core_fixture.hpp"

#include <doctest/doctest.h>

using namespace virtsession;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

/// Marked VMs that are off, and a login that has not begun.
struct Login {
  explicit Login(bool begun = false, std::set<std::string> was_up = {})
      : starts(core.context, core.vms, begun, std::move(was_up)) {}
  Vm& marked(const std::string& name, const json& policy = {}) {
    auto& vm = core.off(name, policy);
    core.tell(vm, [](auto& domain) { domain.autostart = true; });
    return vm;
  }
  /// The first list was read. \return what libvirt is asked for
  std::string begins() {
    starts.on_first_list(true, core.now);
    return goes_on();
  }
  std::string goes_on() {
    starts.advance(core.now);
    return core.done();
  }
  void answered(Vm& vm) { static_cast<void>(core.calls.drop(vm.uuid())); }
  /// libvirt starts the VM. \return what it is asked for then
  std::string comes_up(Vm& vm) {
    core.comes_up(vm);
    answered(vm);
    return goes_on();
  }
  std::string fails(Vm& vm) {
    answered(vm);
    starts.on_failed(vm, {ErrorCode::operation_failed, "no such disk"}, core.now);
    return goes_on();
  }

  CoreFixture core;
  StartRun starts;
};

}  // namespace

TEST_CASE("starts: which VMs does a login start?") {
  Login login(false, {"uuid-up", "uuid-up-unmarked"});
  login.marked("marked");
  login.marked("never", {{"start", "never"}});
  login.core.off("unmarked");
  login.core.off("up", {{"start", "was-running"}});
  login.core.off("up-unmarked");
  login.core.off("was-off", {{"start", "was-running"}});
  auto& transient = login.marked("transient");
  login.core.tell(transient, [](auto& domain) { domain.persistent = false; });
  login.core.tell(login.marked("runs"), [](auto& domain) { domain.id = 9; });
  CHECK(login.begins() == "start marked, start up");
}

TEST_CASE("starts: one login starts its VMs once") {
  Login login;
  auto& vm = login.marked("web");
  CHECK(login.begins() == "start web");
  login.comes_up(vm);
  login.core.goes_down(vm, ShutoffReason::shutdown);
  CHECK(login.begins().empty());
  Login again(true);
  again.marked("web");
  CHECK(again.begins().empty());
}

TEST_CASE("starts: a mark for one start is used up by it") {
  Login login;
  auto& vm = login.core.off("web");
  login.core.tell(vm, [](auto& domain) { domain.autostart_once = true; });
  CHECK(login.begins() == "set autostart-once of web, start web");
}

TEST_CASE("starts: in what order?") {
  Login login;
  auto& db = login.marked("db", {{"start_order", 1}, {"start_ready", "agent"}});
  auto& app = login.marked("app", {{"start_order", 5}, {"start_after", {"cache"}}});
  auto& cache = login.marked("cache", {{"start_order", 5}});
  login.marked("web", {{"start_order", 9}});
  CHECK(login.begins() == "start db");
  CHECK(login.comes_up(db).empty());  // it is not ready
  login.core.tell(db, [](auto& domain) { domain.agent_connected = true; });
  CHECK(login.goes_on() == "start cache");
  CHECK(login.comes_up(cache) == "start app");
  CHECK(login.comes_up(app) == "start web");
}

TEST_CASE("starts: no more at once than the configuration says") {
  Login login;
  login.core.config.parallel = 2;
  auto& a = login.marked("a");
  login.marked("b");
  login.marked("c");
  CHECK(login.begins() == "start a, start b");
  CHECK(login.comes_up(a) == "start c");
}

TEST_CASE("starts: one that waits for the host, or for its next try, holds up nobody") {
  Login login;
  login.marked("unplugged", {{"start_order", 1}, {"start_if_ac_power", true}});
  auto& broken = login.marked("broken", {{"start_order", 2}});
  login.marked("web", {{"start_order", 3}});
  CHECK(login.begins() == "start broken");
  CHECK(login.fails(broken) == "start web");
}

TEST_CASE("starts: a restart waits for no order, and no later order for it") {
  Login login;
  auto& crashed = login.marked("crashed", {{"start_order", 5}});
  auto& db = login.marked("db", {{"start_order", 1}});
  login.marked("web", {{"start_order", 9}});
  crashed.set_start(VmStart::at(login.core.now.steady, {CauseKind::restart_policy}));
  CHECK(login.begins() == "start db, start crashed");
  CHECK(login.comes_up(db) == "start web");
}

TEST_CASE("starts: what goes without a VM that it should have waited for says so") {
  Login login;
  const auto& app = login.marked("app", {{"start_after", {"db", "nobody", "mail"}}});
  auto& db = login.core.running("db");
  login.core.off("mail");
  db.run()->readiness().set_never();
  CHECK(login.begins() == "start app");
  CHECK(login.core.says(app) ==
        "starting: because of login; without \"db\" (not ready), \"nobody\" (no such VM), \"mail\" (inactive)");
}

TEST_CASE("starts: names in start_after that are nobody's are problems of that VM") {
  Login login;
  login.marked("app", {{"start_after", {"nobody"}}});
  login.starts.check_dependencies();
  CHECK(login.starts.dependency_problems("uuid-app").size() == 1);
  login.core.off("nobody");
  login.core.tell(login.core.vms.at("uuid-nobody"), [](auto& domain) { domain.autostart = true; });
  login.starts.dependencies_stale();
  login.starts.check_dependencies();
  CHECK(login.starts.dependency_problems("uuid-app").empty());
}

TEST_CASE("starts: a VM that fails too often is given up, and a person is told") {
  Login login;
  auto& vm = login.marked("web", {{"start_retries", 0}});
  login.begins();
  CHECK(login.fails(vm).empty());
  CHECK(login.core.says(vm) == "gave-up: failed to start: no such disk");
  CHECK(login.core.notices() == "web");
}

TEST_CASE("starts: a saved state that cannot be restored is kept, and it is told how to drop it") {
  Login login;
  auto& vm = login.marked("web");
  login.core.tell(vm, [](auto& domain) { domain.managed_save = true; });
  login.begins();
  login.fails(vm);
  CHECK(vm.status().reason.find("its saved state is kept; a start with force_boot drops it") != std::string::npos);
}

TEST_CASE("starts: how far is the autostart?") {
  Login login;
  auto& good = login.marked("good");
  auto& bad = login.marked("bad", {{"start_retries", 1}});
  CHECK(login.starts.state() == AutostartState::pending);
  login.begins();
  CHECK(login.starts.state() == AutostartState::running);
  login.comes_up(good);
  CHECK(login.starts.state() == AutostartState::running);
  login.fails(bad);
  login.core.pass(2s);
  CHECK(login.goes_on() == "start bad");
  login.fails(bad);
  CHECK(login.starts.state() == AutostartState::incomplete);
  login.comes_up(bad);
  CHECK(login.starts.state() == AutostartState::done);
}

TEST_CASE("starts: whoever waits for all of them is answered when they have settled") {
  Login login;
  auto& good = login.marked("good");
  auto& waits = login.marked("waits", {{"start_if_ac_power", true}});
  login.core.answers.open(1, StartsSettle{});
  login.begins();
  CHECK(login.core.answered().empty());
  login.comes_up(good);
  CHECK(login.core.answered() == "1: OperationFailed");  // it waits for the host, and may wait for ever
  login.core.facts.on_ac_power = true;
  login.core.answers.open(2, StartsSettle{});
  CHECK(login.goes_on() == "start waits");
  login.comes_up(waits);
  CHECK(login.core.answered() == "2: done");
}

TEST_CASE("starts: when do they have to be looked at?") {
  Login login;
  login.marked("web", {{"start_delay_sec", 30}});
  login.marked("db", {{"start_delay_sec", 20}});
  CHECK_FALSE(login.starts.wake());
  login.begins();
  CHECK(login.starts.wake() == login.core.now.steady + 20s);
}

TEST_CASE("starts: only what a VM waits for is watched") {
  Login login;
  login.marked("web", {{"start_if_ac_power", true}, {"start_if_paths", {"/mnt"}}, {"after_units", {"nbd.service"}}});
  CHECK(login.starts.wanted_facts() == WantedFacts());
  login.begins();
  CHECK(login.starts.wanted_facts() == WantedFacts{.ac_power = true, .paths = {"/mnt"}, .units = {"nbd.service"}});
}
