// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/sleep_run.hpp"

#include "core/guest_save.hpp"
#include "core/hold.hpp"
#include "core/vms.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace virtsession {
namespace {

const Cause kHostSleeps{CauseKind::host_sleeps};
const Cause kHostWokeUp{CauseKind::host_woke_up};

bool sleeps(const Vm& vm) { return vm.hold() && vm.hold()->why() == kHostSleeps; }

}  // namespace

void SleepRun::set_delay(Duration delay) {
  if (std::exchange(delay_, delay) == delay) return;
  for (const auto& uuid : vms_.uuids()) vms_.touch(uuid);
}

/// What is left of logind's delay is for a save to be aborted and the VM to be paused.
Duration SleepRun::time_to_save() const { return delay_ * 4 / 5; }

/// \param others what is saved before it on the same disk takes so long
std::string SleepRun::why_not_saved(const Vm& vm, Duration others) const {
  if (auto why = save_obstacle(vm); !why.empty()) return why;
  const auto takes = save_takes(vm);
  if (others + takes <= time_to_save()) return {};
  auto text = "a save of its " + std::to_string(vm.domain().memory_kib / 1024) + " MiB may take " + seconds_text(takes);
  if (others > Duration{}) text += " after others that take " + seconds_text(others);
  return text + ", and logind lets the host's sleep wait for " + seconds_text(delay_);
}

std::optional<Problem> SleepRun::problem(const Vm& vm) const {
  if (vm.policy().sleep != HoldAction::save || !vm.domain().persistent) return std::nullopt;
  const auto why = why_not_saved(vm, {});
  if (why.empty()) return std::nullopt;
  Problem problem{"/sleep", "it is paused, not saved, when the host sleeps: " + why, {}, ProblemCode::not_possible};
  if (!save_obstacle(vm).empty()) return problem;
  problem.code = ProblemCode::too_slow;
  const auto delay = std::chrono::ceil<std::chrono::seconds>(save_takes(vm) * 5 / 4);
  problem.suggestion = "InhibitDelayMaxSec=" + std::to_string(delay.count()) + " in /etc/systemd/logind.conf";
  return problem;
}

void SleepRun::begin(bool all_stop, Moment now) {
  host_sleeps_ = true;
  saved_by_ = now.steady + time_to_save();
  if (!context_.connected || all_stop) return;
  std::vector<Vm*> to_save;
  for (Vm& vm : vms_.attended()) {
    const auto action = vm.policy().sleep;
    if (action == HoldAction::none || !vm.domain().persistent || context_.calls.lifecycle(vm.uuid()) ||
        vm.is_stopping() || vm.domain().state != DomainState::running)
      continue;
    if (action == HoldAction::save)
      to_save.push_back(&vm);
    else
      hold_by_pause(vm, kHostSleeps);
  }
  std::ranges::stable_sort(to_save, {}, [](const Vm* vm) { return save_takes(*vm); });  // as many as possible
  Duration others{};
  for (auto* vm : to_save) {
    const auto why = why_not_saved(*vm, others);
    if (why.empty()) {
      others += save_takes(*vm);
      hold_by_save(*vm, kHostSleeps, now);
    } else {
      journal(*vm, Incident::phase, "is paused for " + to_text(kHostSleeps) + ", not saved: " + why);
      hold_by_pause(*vm, kHostSleeps);
    }
  }
}

/// A save that is still under way keeps its guest from going on.
void SleepRun::end(Moment now) {
  host_sleeps_ = false;
  give_up_saves(now);
  for (Vm& vm : vms_.attended())
    if (vm.run()) vm.run()->standstill().set_clock_stale(true);
}

void SleepRun::give_up_saves(Moment now) {
  for (Vm& vm : vms_.attended())
    if (sleeps(vm)) give_up_hold(vm, host_sleeps_ ? "logind waits no longer" : "the host is awake again", now);
}

bool SleepRun::on_call_done(Vm& vm, OperationId id, const Result<void>& result, bool all_stop, Moment now) {
  if (!sleeps(vm) || !vm.hold()->waits_for(id)) return false;
  on_hold_answered(vm, result, host_sleeps_ && context_.connected && !all_stop, now);
  return true;
}

void SleepRun::on_libvirt_lost() {
  for (Vm& vm : vms_.attended())
    if (sleeps(vm)) vm.hold()->answered();
}

bool SleepRun::wants_lock() const {
  return std::ranges::any_of(vms_.attended(), [&](const Vm& vm) {
    if (vm.hold() && vm.hold()->under_way()) return true;  // also on low battery, which may be why the host sleeps
    if (host_sleeps_) return false;
    return vm.policy().sleep != HoldAction::none && vm.domain().persistent && vm.domain().active();
  });
}

std::optional<SteadyTime> SleepRun::wake() const {
  const bool saves = std::ranges::any_of(vms_.attended(), [](const Vm& vm) {
    const auto* hold = sleeps(vm) ? vm.hold() : nullptr;
    return hold && hold->saves() && hold->under_way() && !hold->given_up();
  });
  return host_sleeps_ && saves ? std::optional(saved_by_) : std::nullopt;
}

void SleepRun::advance(Moment now) {
  if (host_sleeps_) {
    if (now.steady >= saved_by_) give_up_saves(now);
    return;
  }
  for (Vm& vm : vms_.attended()) {
    if (sleeps(vm) && !vm.hold()->under_way()) end_hold(vm, kHostWokeUp, now);
    if (vm.run() && vm.run()->standstill().clock_stale()) set_clock(vm, now);
  }
}

/// A guest that stood still has the time of then. Its agent sets it; one that starts later does it later.
void SleepRun::set_clock(Vm& vm, Moment now) {
  const auto& domain = vm.domain();
  if (!domain.persistent || !domain.agent_configured || !vm.policy().resume_sync_time) {
    vm.run()->standstill().set_clock_stale(false);
  } else if (domain.state == DomainState::running && domain.agent_connected) {
    vm.run()->standstill().set_clock_stale(false);
    context_.calls.send({.uuid = vm.uuid(), .call = call::SetTime{now.wall_usec}}, kHostWokeUp);
  }
}

}  // namespace virtsession
