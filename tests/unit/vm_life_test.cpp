// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core_fixture.hpp"

#include <doctest/doctest.h>

using namespace virtsession;

namespace {

void asks_libvirt(CoreFixture& core, Vm& vm, Call call) {
  core.calls.send({.uuid = vm.uuid(), .call = std::move(call)}, asked_by("me"));
}

std::string last_cause(CoreFixture& core, const Vm& vm) { return core.history.entries(vm.uuid(), 1).back().cause; }

}  // namespace

TEST_CASE("a VM's life: who started it?") {
  CoreFixture core;
  auto &ours = core.off("ours"), &foreign = core.off("foreign");
  asks_libvirt(core, ours, call::Start{});
  core.comes_up(ours);
  core.comes_up(foreign);
  CHECK(last_cause(core, ours) == "me");
  CHECK(last_cause(core, foreign) == "another libvirt client");
  CHECK(core.journal() == "ours: started (me), foreign: started (another libvirt client)");
}

TEST_CASE("a VM's life: what is wanted of one that is off now?") {
  struct Row {
    std::string what;
    ShutoffReason reason;
    bool asked;
    Intent intent;
  };
  const std::vector<Row> rows = {
      {"somebody shut it down", ShutoffReason::shutdown, false, Intent::down},
      {"somebody destroyed it", ShutoffReason::destroyed, false, Intent::down},
      {"somebody saved it", ShutoffReason::saved, false, Intent::down},
      {"it crashed", ShutoffReason::crashed, false, Intent::none},
      {"it crashed while it was to be stopped", ShutoffReason::crashed, true, Intent::down},
      {"it was migrated away", ShutoffReason::migrated, false, Intent::none},
  };
  for (const auto& row : rows) {
    CAPTURE(row.what);
    CoreFixture core;
    auto& vm = core.running("web");
    if (row.asked) vm.run()->end_for(asked_by("me"));
    core.goes_down(vm, row.reason);
    CHECK(vm.status().intent == row.intent);
    CHECK(vm.status().phase == Phase::inactive);
    CHECK_FALSE(vm.run());
  }
}

TEST_CASE("a VM's life: a SIGTERM to QEMU looks like a shutdown, but for what libvirt told before") {
  CoreFixture core;
  auto& vm = core.running("web", {{"restart", "always"}});
  vm.run()->on_event(DomainEventKind::shutdown_by_host);
  core.goes_down(vm, ShutoffReason::shutdown);
  CHECK(vm.start());
  CHECK(core.says(vm) == "backoff: QEMU was ended by a signal; restart 1 of 5 follows");
}

TEST_CASE("a VM's life: another run under another id was started by somebody else") {
  CoreFixture core;
  auto& vm = core.running("web");
  vm.run()->end_for(asked_by("me"));
  core.comes_up(vm);
  CHECK(core.journal() == "web: started (another libvirt client)");
  CHECK_FALSE(vm.run()->end_cause());
}

TEST_CASE("a VM's life: a start that works ends what was wrong") {
  CoreFixture core;
  auto& vm = core.off("web");
  vm.set_error("failed to start");
  vm.restarts().reset(3);
  core.comes_up(vm);
  CHECK(vm.status().last_error.empty());
  CHECK(vm.restarts().count() == 0);
  CHECK(core.notices() == "web withdrawn");
}

TEST_CASE("a VM's life: a restart by policy keeps its count") {
  CoreFixture core;
  auto& vm = core.off("web");
  vm.restarts().reset(3);
  vm.set_start(VmStart::now({CauseKind::restart_policy}));
  asks_libvirt(core, vm, call::Start{});
  core.comes_up(vm);
  CHECK(vm.restarts().count() == 3);
}

TEST_CASE("a VM's life: one that was restored has the time of then") {
  CoreFixture core;
  auto& vm = core.running("web");
  CHECK_FALSE(vm.run()->standstill().clock_stale());
  core.goes_down(vm, ShutoffReason::saved);
  core.comes_up(vm);
  CHECK(vm.run()->standstill().clock_stale());
}

TEST_CASE("a VM's life: it runs, and why does it not do anything?") {
  struct Row {
    DomainState state;
    PauseReason pause;
    bool in_job;
    std::string says;
  };
  const std::vector<Row> rows = {
      {DomainState::paused, PauseReason::user, false, "paused: paused by another libvirt client"},
      {DomainState::paused, PauseReason::other, false, "paused: paused (virsh's word)"},
      {DomainState::paused, PauseReason::job, true, "running: paused (virsh's word)"},  // it goes on by itself
      {DomainState::paused, PauseReason::io_error, false, "stuck: paused by an I/O error of sda"},
      {DomainState::paused, PauseReason::watchdog, false,
       "stuck: paused by its watchdog: the guest did not answer it in time"},
      {DomainState::pm_suspended, PauseReason::none, false, "asleep: the guest sleeps"},
      {DomainState::crashed, PauseReason::none, false, "stuck: the guest crashed and is kept as it was (virsh's word)"},
  };
  for (const auto& row : rows) {
    CoreFixture core;
    auto& vm = core.running("web");
    core.tell(vm, [&](auto& domain) {
      domain.state = row.state;
      domain.pause_reason = row.pause;
      domain.in_job = row.in_job;
      domain.state_reason = "virsh's word";
      domain.disk_error = row.pause == PauseReason::io_error ? "sda" : "";
    });
    CHECK(core.says(vm) == row.says);
    CHECK((core.journal().find("web: ") != std::string::npos) == (vm.status().phase != Phase::running));
  }
}

TEST_CASE("a VM's life: was it the guest that powered it off?") {
  CoreFixture core;
  auto& vm = core.running("web");
  vm.run()->on_event(DomainEventKind::shutdown_by_guest);
  core.goes_down(vm, ShutoffReason::shutdown);
  CHECK(last_cause(core, vm) == "the guest");
}
