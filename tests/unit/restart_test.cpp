// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/restart.hpp"

#include "core_fixture.hpp"

#include <doctest/doctest.h>

using namespace virtsession;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

/// \return whether a VM with that policy is restarted after that crash
bool restarts(const std::string& policy, CrashKind kind) {
  CoreFixture core;
  auto& vm = core.running("web", {{"restart", policy}});
  after_crash(vm, kind, false, core.now);
  return vm.start() != nullptr;
}

/// Crashes it, and lets it start again. \return how long it waits, in seconds; -1: it is not restarted
double crash(CoreFixture& core, Vm& vm) {
  after_crash(vm, CrashKind::crashed, false, core.now);
  if (!vm.start()) return -1;
  const auto wait = *vm.start()->wake() - core.now.steady;
  vm.set_start({});
  return std::chrono::duration<double>(wait).count();
}

}  // namespace

TEST_CASE("restart: when is a crashed VM restarted?") {
  for (const auto kind : {CrashKind::crashed, CrashKind::out_of_memory, CrashKind::panicked, CrashKind::signalled}) {
    CAPTURE(static_cast<int>(kind));
    CHECK_FALSE(restarts("no", kind));
    CHECK(restarts("on-failure", kind) == (kind != CrashKind::signalled));
    CHECK(restarts("always", kind));
  }
}

TEST_CASE("restart: not one that somebody stopped, nor another program's, nor while all are stopped") {
  CoreFixture core;
  auto& stopped = core.running("stopped", {{"restart", "always"}});
  stopped.want(Intent::down);
  after_crash(stopped, CrashKind::crashed, false, core.now);
  CHECK_FALSE(stopped.start());

  auto& transient = core.running("transient", {{"restart", "always"}});
  core.tell(transient, [](auto& domain) { domain.persistent = false; });
  after_crash(transient, CrashKind::crashed, false, core.now);
  CHECK_FALSE(transient.start());

  auto& vm = core.running("web", {{"restart", "always"}});
  after_crash(vm, CrashKind::crashed, true, core.now);
  CHECK_FALSE(vm.start());
  CHECK(core.says(vm) == "inactive: QEMU crashed; all VMs are being stopped");
}

TEST_CASE("restart: each wait is twice the last one, up to the longest") {
  CoreFixture core;
  auto& vm = core.running("web", {{"restart", "on-failure"}, {"restart_delay_sec", 2}, {"restart_delay_max_sec", 7}});
  for (const auto expected : {2.0, 4.0, 7.0, 7.0}) {
    const auto wait = crash(core, vm);
    CHECK(wait >= 0.8 * expected);
    CHECK(wait <= 1.2 * expected);
  }
}

TEST_CASE("restart: when is a VM given up, and when not?") {
  CoreFixture core;
  auto& vm = core.running("web", {{"restart", "on-failure"}, {"restart_limit", 2}, {"restart_window_sec", 100}});
  CHECK(crash(core, vm) > 0);
  core.pass(60s);
  CHECK(crash(core, vm) > 0);
  CHECK(core.says(vm) == "backoff: QEMU crashed; restart 2 of 2 follows");
  core.pass(40s);  // the first one does not count any more
  CHECK(crash(core, vm) > 0);
  CHECK(core.notices().empty());
  CHECK(crash(core, vm) == -1);
  CHECK(core.says(vm) == "gave-up: QEMU crashed, and was restarted 2 times within 100 s before");
  CHECK(core.notices() == "web");
  CHECK(core.journal().find("web: gave up: QEMU crashed") != std::string::npos);
}

TEST_CASE("restart: a budget that is reset is whole, and keeps what it is told") {
  RestartBudget budget;
  Policy policy;
  policy.restart_limit = 1;
  CHECK(budget.take(policy, SteadyTime(1h)));
  CHECK_FALSE(budget.take(policy, SteadyTime(1h)));
  CHECK(budget.count() == 1);
  budget.reset(7);
  CHECK(budget.count() == 7);
  CHECK(budget.take(policy, SteadyTime(1h)));
}
