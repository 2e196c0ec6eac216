// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/sleep_run.hpp"

#include "core/vm_life.hpp"
#include "core/vms.hpp"

#include <algorithm>

namespace virtsession {
namespace {

const Cause kHostSleeps{CauseKind::host_sleeps};
const Cause kHostWokeUp{CauseKind::host_woke_up};

}  // namespace

void SleepRun::begin(bool all_stop) {
  host_sleeps_ = true;
  for (auto& [uuid, vm] : vms_.all())
    if (context_.connected && !all_stop && vm.domain().persistent && !context_.calls.lifecycle(uuid) &&
        vm.domain().state == DomainState::running)
      put_to_sleep(vm, vm.policy().sleep);
}

void SleepRun::end() {
  host_sleeps_ = false;
  for (auto& [uuid, vm] : vms_.all())
    if (vm.run()) vm.run()->set_clock_stale();
}

void SleepRun::put_to_sleep(Vm& vm, SleepAction action) {
  if (action == SleepAction::none) return;
  if (action == SleepAction::save && !vm.domain().save_blocker.empty()) action = SleepAction::pause;
  const bool saves = action == SleepAction::save;
  if (saves && vm.run()) vm.run()->end_for(kHostSleeps);
  const auto kind = saves ? OperationKind::save : OperationKind::pause;
  vm.set_sleep(VmSleep(action, context_.calls.send({.uuid = vm.uuid(), .call = plain_call(kind)}, kHostSleeps)));
}

bool SleepRun::on_call_done(Vm& vm, OperationId id, const Result<void>& result, bool all_stop, Moment now) {
  if (!vm.sleep() || !vm.sleep()->waits_for(id)) return false;
  vm.sleep()->answered();
  if (result) {
    if (vm.domain().active()) settle_active(vm, kHostSleeps, now);
    return true;
  }
  const bool saves = vm.sleep()->saves();
  vm.set_sleep({});
  if (vm.run()) vm.run()->keep_running();
  vm.set_error(std::string("failed to ") + (saves ? "save" : "pause") + " for " + to_text(kHostSleeps) + ": " +
               result.error().message);
  journal(vm, Incident::phase, vm.status().last_error);
  if (saves && host_sleeps_ && context_.connected && !all_stop && vm.domain().state == DomainState::running)
    put_to_sleep(vm, SleepAction::pause);
  return true;
}

void SleepRun::on_libvirt_lost() {
  for (auto& [uuid, vm] : vms_.all())
    if (vm.sleep()) vm.sleep()->answered();
}

bool SleepRun::wants_lock() const {
  return std::ranges::any_of(vms_.all(), [&](const auto& entry) {
    const auto& vm = entry.second;
    if (host_sleeps_) return vm.sleep() && vm.sleep()->under_way();
    return vm.policy().sleep != SleepAction::none && vm.domain().persistent && vm.domain().active();
  });
}

void SleepRun::advance(Moment now) {
  if (host_sleeps_) return;
  for (auto& [uuid, vm] : vms_.all()) {
    if (vm.sleep() && !vm.sleep()->under_way()) wake_up(vm, now);
    if (vm.run() && vm.run()->clock_stale()) set_clock(vm, now);
  }
}

/// A VM that somebody started, stopped or resumed since is left as it is.
void SleepRun::wake_up(Vm& vm, Moment now) {
  const auto action = vm.sleep()->action();
  vm.set_sleep({});
  const auto& domain = vm.domain();
  if (vm.run() && vm.run()->end_cause() == kHostSleeps) vm.run()->keep_running();  // a save that came to nothing
  const bool busy = context_.calls.lifecycle(vm.uuid());
  if (action == SleepAction::pause && domain.state == DomainState::paused && !busy) {
    context_.calls.send({.uuid = vm.uuid(), .call = call::Resume{}}, kHostWokeUp);
  } else if (action == SleepAction::save && !domain.active() && domain.managed_save && !vm.start() && !busy) {
    vm.set_start(VmStart::now(kHostWokeUp));
    vm.want(Intent::up);
    vm.enter(Phase::queued, "goes on: " + to_text(kHostWokeUp), kHostWokeUp, now);
  }
}

/// A guest that stood still has the time of then. Its agent sets it; one that starts later does it later.
void SleepRun::set_clock(Vm& vm, Moment now) {
  const auto& domain = vm.domain();
  if (!domain.persistent || !domain.agent_configured || !vm.policy().resume_sync_time) {
    vm.run()->set_clock_right();
  } else if (domain.state == DomainState::running && domain.agent_connected) {
    vm.run()->set_clock_right();
    context_.calls.send({.uuid = vm.uuid(), .call = call::SetTime{now.wall_usec}}, kHostWokeUp);
  }
}

}  // namespace virtsession
