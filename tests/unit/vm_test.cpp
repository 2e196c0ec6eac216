// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core_fixture.hpp"

#include <doctest/doctest.h>

using namespace virtsession;

namespace {

const Cause kTestCause{CauseKind::policy};

}  // namespace

TEST_CASE("vm: another phase is in the history and the journal, another reason is not") {
  CoreFixture core;
  auto& vm = core.off("web");
  const auto before = core.history.entries(vm.uuid(), 0).size();
  vm.enter(Phase::queued, "waits for its turn", asked_by("me"), core.now);
  vm.enter(Phase::queued, "waits for VMs of order 1", asked_by("me"), core.now);
  CHECK(core.says(vm) == "queued: waits for VMs of order 1");
  CHECK(core.journal() == "web: queued (waits for its turn)");
  const auto entries = core.history.entries(vm.uuid(), 0);
  REQUIRE(entries.size() == before + 1);
  CHECK(entries.back().cause == "me");
  CHECK(entries.back().time_usec == core.now.wall_usec);
}

TEST_CASE("vm: what the journal has already is not told again") {
  CoreFixture core;
  auto& vm = core.off("web");
  vm.enter(Phase::running, "started", kTestCause, core.now, true);
  CHECK(core.journal().empty());
  CHECK(core.history.entries(vm.uuid(), 1).back().reason == "started");
}

TEST_CASE("vm: every change of what people see marks it, and nothing else does") {
  CoreFixture core;
  auto& vm = core.off("web");
  vm.enter(Phase::queued, "waits", kTestCause, core.now);
  const auto changes = [&](auto change) {
    static_cast<void>(core.vms.take_changed());
    change();
    return !core.vms.take_changed().empty();
  };
  CHECK_FALSE(changes([&] { vm.enter(Phase::queued, "waits", kTestCause, core.now); }));
  CHECK(changes([&] { vm.enter(Phase::queued, "waits still", kTestCause, core.now); }));
  CHECK(changes([&] { vm.want(Intent::up); }));
  CHECK_FALSE(changes([&] { vm.want(Intent::up); }));
  CHECK(changes([&] { vm.set_error("failed"); }));
  CHECK_FALSE(changes([&] { vm.set_error("failed"); }));
  CHECK(changes([&] { vm.set_run(Run(0)); }));
  CHECK(changes([&] { vm.set_start(VmStart::now(kTestCause)); }));
  CHECK(changes([&] { vm.set_stop(VmStop({})); }));
  CHECK(changes([&] { vm.take_in(CoreFixture::snapshot("web")); }));
}

TEST_CASE("vm: its metadata is over the configuration, and that over what is built in") {
  CoreFixture core;
  core.config.defaults = {{"start_order", 5}, {"start_retries", 7}};
  const auto& vm = core.off("web", {{"start_order", 9}});
  CHECK(vm.policy().start_order == 9);
  CHECK(vm.policy().start_retries == 7);
  CHECK(vm.policy().restart_limit == 5);
}

TEST_CASE("vm: errors of its policy are told once, and what is good in it is used") {
  CoreFixture core;
  auto& vm = core.off("web");
  core.set_policy(vm, {{"start_order", 9}, {"start_oder", 1}});
  CHECK(core.journal().find("unknown key start_oder") != std::string::npos);
  CHECK(vm.policy().start_order == 9);
  core.set_policy(vm, {{"start_order", 8}, {"start_oder", 1}});
  CHECK(core.journal().empty());
}

TEST_CASE("vm: is it being stopped?") {
  CoreFixture core;
  auto& vm = core.running("web");
  CHECK_FALSE(vm.is_stopping());
  vm.set_stop(VmStop({StopAction::save}));
  CHECK(vm.is_stopping());
  vm.stop()->end(vm, StopOutcome::saved);
  CHECK_FALSE(vm.is_stopping());
  CHECK(vm.stop());
}
