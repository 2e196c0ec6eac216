// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/vm_life.hpp"

#include "core/answers.hpp"
#include "core/guest_save.hpp"
#include "core/hold.hpp"
#include "core/interrupted_shutdown.hpp"
#include "core/list_text.hpp"
#include "core/ready_wait.hpp"
#include "core/saved_by_others.hpp"
#include "core/vm.hpp"

#include <utility>

namespace virtsession {
namespace {

/// What a stop without a request of ours looks like from libvirt's reason.
std::string stop_text(ShutoffReason reason) {
  switch (reason) {
    case ShutoffReason::shutdown:
      return "shut down";
    case ShutoffReason::destroyed:
      return "powered off";
    case ShutoffReason::saved:
      return "saved";
    case ShutoffReason::crashed:
      return "crashed";
    case ShutoffReason::failed:
      return "failed";
    case ShutoffReason::migrated:
      return "migrated away";
    case ShutoffReason::from_snapshot:
      return "off after a snapshot was reverted to";
    case ShutoffReason::daemon:
      return "stopped by the libvirt daemon";
    case ShutoffReason::none:
    case ShutoffReason::unknown:
      break;
  }
  return "off";
}

bool is_stop_by_somebody(ShutoffReason reason) {
  return reason == ShutoffReason::shutdown || reason == ShutoffReason::destroyed || reason == ShutoffReason::saved;
}

/// Its guest's CPUs do not run, and no job of libvirt's makes them go on.
bool stands_still(const DomainSnapshot& domain) {
  if (domain.state == DomainState::pm_suspended || domain.state == DomainState::crashed) return true;
  return domain.state == DomainState::paused && !domain.in_job;
}

/// A state that came while libvirt was at a call which is lost was not judged then.
bool is_shown_otherwise(const Vm& vm) {
  const auto phase = vm.status().phase;
  const bool shown = phase == Phase::paused || phase == Phase::asleep || phase == Phase::stuck;
  return shown != stands_still(vm.domain());
}

struct WhatItDoes {
  Phase phase;
  std::string reason;
};

WhatItDoes what_it_does(const Vm& vm, const Cause& cause) {
  const auto& domain = vm.domain();
  if (domain.state == DomainState::crashed)
    return {Phase::stuck, "the guest crashed and is kept as it was (" + domain.state_reason + ")"};
  if (domain.state == DomainState::pm_suspended) return {Phase::asleep, "the guest sleeps"};
  switch (domain.pause_reason) {
    case PauseReason::none:
      return {Phase::running, "running"};
    case PauseReason::io_error:
      return {Phase::stuck, "paused by an I/O error" + (domain.disk_error.empty() ? "" : " of " + domain.disk_error)};
    case PauseReason::watchdog:
      return {Phase::stuck, "paused by its watchdog: the guest did not answer it in time"};
    case PauseReason::job:
      if (domain.in_job) return {Phase::running, "paused (" + domain.state_reason + ")"};
      return {Phase::paused,
              vm.lasting().saved_paused ? "it was paused before it was saved" : "restored, and not resumed"};
    case PauseReason::user:
    case PauseReason::other:
      break;
  }
  if (vm.hold()) return {Phase::paused, "paused " + purpose_text(vm.hold()->why())};
  if (cause.kind == CauseKind::request) return {Phase::paused, "paused by " + to_text(cause)};
  if (vm.status().phase == Phase::paused && !vm.status().reason.empty()) return {Phase::paused, vm.status().reason};
  if (domain.pause_reason == PauseReason::user && cause.kind == CauseKind::other_client)
    return {Phase::paused, "paused by " + to_text(cause)};
  return {Phase::paused, "paused (" + domain.state_reason + ")"};
}

void note_saved_paused(Vm& vm, bool paused) {
  auto lasting = vm.lasting();
  lasting.saved_paused = paused;
  vm.set_lasting(lasting);
}

std::string ready_text(const Vm& vm) {
  return "waits to be ready: " + to_text(vm.run()->readiness().wait()->readiness);
}

/// How a VM that is off ended, and for what it was saved.
std::string end_text(const Vm& vm) {
  const auto reason = vm.domain().shutoff_reason;
  const bool held = vm.hold() && vm.hold()->saves() && reason == ShutoffReason::saved;
  return stop_text(reason) + (held ? " " + purpose_text(vm.hold()->why()) : "");
}

/// Somebody let a VM that is held go on.
void note_resumed(Vm& vm, const DomainSnapshot& before) {
  const bool resumed = before.state == DomainState::paused && vm.domain().state == DomainState::running;
  if (resumed && vm.hold() && !vm.hold()->saves() && !vm.hold()->under_way()) forget_hold(vm);
}

void note_woken(Vm& vm, const DomainSnapshot& before, Moment now) {
  const bool woken = before.state == DomainState::pm_suspended && vm.domain().state == DomainState::running;
  if (woken && vm.run()) vm.run()->standstill().woke_at(now.steady);
}

/// Who asked for the end of the run that is over; nothing when virtsession was asked by nobody.
std::optional<Cause> end_cause(const Vm& vm) {
  const auto* call = vm.context().calls.lifecycle(vm.uuid());
  if (call && is_stop(call->operation.kind())) return call->cause;
  return vm.run() ? vm.run()->end_cause() : std::nullopt;
}

}  // namespace

std::optional<Cause> start_cause(const Vm& vm) {
  if (const auto* call = vm.context().calls.lifecycle(vm.uuid()))
    return call->operation.kind() == OperationKind::start ? std::optional(call->cause) : std::nullopt;
  // A start whose call was lost, with libvirt or with the last instance.
  return vm.start() && vm.status().phase == Phase::starting ? std::optional(vm.start()->cause()) : std::nullopt;
}

void appear(Vm& vm, const std::string& reason, Moment now) {
  auto status = vm.status();
  status.phase = Phase::inactive;
  status.reason = reason;
  status.since_usec = now.wall_usec;
  vm.restore(status);
}

void first_seen(Vm& vm, const Sighting& how, const Surroundings& around, Moment now) {
  const auto& domain = vm.domain();
  if (domain.active() && how.just_now) return came_up(vm, std::nullopt, false, around, now);
  if (domain.active()) {
    vm.set_run(Run(0));
    vm.want(Intent::up);
    settle_active(vm, {CauseKind::first_seen}, now);
  } else if (how.in_history) {
    appear(vm, stop_text(domain.shutoff_reason), now);
  } else {
    vm.enter(Phase::inactive, end_text(vm), {CauseKind::first_seen}, now, true);
  }
}

void expect_echoes(Vm& vm, Moment now) {
  // libvirt sends an event and an answer by different threads. One second later its threads have been on a CPU.
  constexpr std::chrono::seconds kEcho{1};
  if (vm.run()) vm.run()->standstill().set_echoes_until(now.steady + kEcho);
}

bool has_heard(const Vm& vm) { return vm.run() && vm.run()->standstill().heard(); }

bool hear(Vm& vm, const DomainEvent& event, Moment now) {
  if (!vm.run()) return false;
  vm.run()->on_event(event.kind);
  const bool paused = event.kind == DomainEventKind::paused;
  if (!paused && event.kind != DomainEventKind::resumed) return false;
  auto& standstill = vm.run()->standstill();
  const auto state = vm.domain().state;
  const bool is_of_run = vm.domain().active() && vm.domain().id == event.id;
  const bool goes_or_stands = state == DomainState::running || state == DomainState::paused;
  const bool may_be_ours = vm.context().calls.lifecycle(vm.uuid()) || now.steady < standstill.echoes_until();
  if (!is_of_run || !goes_or_stands || may_be_ours) return false;
  const auto before = standstill.heard();
  const auto said = paused ? DomainState::paused : DomainState::running;
  standstill.set_heard(said == state ? std::nullopt : std::optional(said));
  return standstill.heard() != before;
}

void judge(Vm& vm, const DomainSnapshot& before, const Surroundings& around, Moment now) {
  const auto& domain = vm.domain();
  if (vm.run()) vm.run()->standstill().set_heard({});
  note_foreign_save(vm, before);
  note_foreign_pause(vm, before, now);
  note_resumed(vm, before);
  note_woken(vm, before, now);
  const bool other_run = before.active() && domain.active() && before.id != domain.id;
  if (domain.active() && (!before.active() || other_run))
    return came_up(vm, other_run ? std::nullopt : start_cause(vm), before.managed_save, around, now);
  if (before.active() && !domain.active()) return went_down(vm, around, now);
  const bool newly_stuck = domain.pause_reason == PauseReason::io_error && before.pause_reason != PauseReason::io_error;
  if (!vm.context().calls.lifecycle(vm.uuid())) settle(vm, newly_stuck || before.state != domain.state, now);
}

void came_up(Vm& vm, const std::optional<Cause>& ours, bool restored, const Surroundings& around, Moment now) {
  const auto cause = ours.value_or(Cause{CauseKind::other_client});
  const bool ordered = ours && vm.start() && vm.start()->ordered();
  const bool restarted = ours && vm.start() && !vm.start()->ordered();
  if (!restarted) vm.restarts().reset();
  end_off_wait(vm, Result<void>());  // it was off in between
  vm.set_hold({});
  vm.set_run(Run(now.wall_usec));
  if (restored) vm.run()->standstill().set_clock_stale(true);
  note_begin(vm, restored, now);
  begin_ready_wait(vm, ordered, now);
  vm.want(Intent::up);
  vm.set_start({});
  if (vm.stop()) vm.stop()->on_started();
  vm.set_error({});
  withdraw_notice(vm, Incident::gave_up);
  const auto missing = ours ? around.missing_text : std::string();
  journal(vm, Incident::started, "started (" + to_text(cause) + ")" + missing, cause.who.client);
  if (stands_still(vm.domain())) return settle_active(vm, cause, now);
  note_saved_paused(vm, false);
  if (vm.run()->readiness().wait())
    vm.enter(Phase::waiting_ready, ready_text(vm) + missing, cause, now, true);
  else
    vm.enter(Phase::running, "started" + missing, cause, now, true);
}

void went_down(Vm& vm, const Surroundings& around, Moment now) {
  const auto reason = vm.domain().shutoff_reason;
  const auto asked = end_cause(vm);
  const bool signalled = reason == ShutoffReason::shutdown && vm.run() && vm.run()->host_ended_it();
  const bool panicked = vm.run() && vm.run()->panicked();
  const bool by_guest = vm.run() && vm.run()->guest_ended_it();
  const bool to_start_again = note_end(vm, asked.has_value(), now) && !around.all_stop;
  const auto* save = vm.run() && vm.run()->saving().begun() ? &*vm.run()->saving().begun() : nullptr;
  const bool by_boxes = was_saved_by_boxes(vm, asked.has_value());
  const bool to_go_on = by_boxes && !around.all_stop && is_to_go_on_after_boxes(vm);
  const bool saved_paused = save ? save->paused : vm.status().phase == Phase::paused;
  if (reason == ShutoffReason::saved) on_saved(vm, now);
  end_off_wait(vm, Result<void>());
  vm.set_run({});
  note_saved_paused(vm, reason == ShutoffReason::saved && saved_paused);
  withdraw_notice(vm, Incident::stuck);
  if (!asked && (signalled || reason == ShutoffReason::crashed || reason == ShutoffReason::failed)) {
    const auto kind = panicked                ? CrashKind::panicked
                      : signalled             ? CrashKind::signalled
                      : around.memory_ran_out ? CrashKind::out_of_memory
                                              : CrashKind::crashed;
    return after_crash(vm, kind, around.all_stop, now);
  }
  const bool held = vm.hold() && vm.hold()->saves() && reason == ShutoffReason::saved;
  if (!held) vm.set_hold({});
  vm.want(held ? Intent::up : asked || is_stop_by_somebody(reason) ? Intent::down : Intent::none);
  const auto own_end = by_boxes ? CauseKind::boxes : by_guest ? CauseKind::guest : CauseKind::other_client;
  vm.enter(Phase::inactive, by_boxes ? done_by_boxes("saved") : end_text(vm), asked.value_or(Cause{own_end}), now);
  if (to_start_again) start_again(vm, now);
  if (to_go_on) go_on_after_boxes(vm, now);
}

void settle(Vm& vm, bool state_changed, Moment now) {
  const auto phase = vm.status().phase;
  const bool under_way = phase == Phase::starting || phase == Phase::saving || phase == Phase::stopping;
  if (vm.is_stopping()) return;
  if (vm.domain().active()) {
    if (under_way && vm.run() && !vm.run()->off_wait().deadline()) {  // a stop that was asked for, and came to nothing
      vm.want(Intent::up);
      vm.run()->keep_running();
    }
    if (state_changed || under_way || is_shown_otherwise(vm)) settle_active(vm, {CauseKind::other_client}, now);
  } else if (under_way && !vm.start()) {
    vm.enter(Phase::inactive, end_text(vm), {CauseKind::other_client}, now);
  }
}

void settle_active(Vm& vm, const Cause& cause, Moment now) {
  if (vm.is_stopping() || (vm.run() && vm.run()->off_wait().deadline())) return;
  auto what = what_it_does(vm, cause);
  if (vm.run() && vm.run()->readiness().wait() && what.phase == Phase::running) {
    if (vm.status().phase == Phase::waiting_ready) return;
    what = {Phase::waiting_ready, ready_text(vm)};
  }
  const bool was_stuck = vm.status().phase == Phase::stuck;
  const bool newly_stuck = what.phase == Phase::stuck && !was_stuck;
  vm.enter(what.phase, what.reason, cause, now, newly_stuck);
  if (newly_stuck) {
    journal(vm, Incident::stuck, what.reason);
    notify(vm, Incident::stuck, what.reason);
  } else if (was_stuck && what.phase != Phase::stuck) {
    withdraw_notice(vm, Incident::stuck);
  }
}

Phase phase_of_active(const Vm& vm) { return what_it_does(vm, {CauseKind::policy}).phase; }

bool is_to_go_on(const Vm& vm) {
  return vm.domain().pause_reason == PauseReason::job && !vm.domain().in_job && !vm.lasting().saved_paused;
}

std::optional<Error> start_obstacle(const Vm& vm) {
  const auto is_busy = "VM " + in_quotes(vm.name()) + " is busy: ";
  const auto* call = vm.context().calls.lifecycle(vm.uuid());
  if (call && call->operation.kind() != OperationKind::start)
    return Error{ErrorCode::busy,
                 is_busy + "libvirt is still asked to " + std::string(to_text(call->operation.kind())) + " it"};
  const bool goes_down = vm.is_stopping() || (vm.run() && vm.run()->off_wait().deadline());
  if (!vm.domain().active() || !goes_down) return std::nullopt;
  return Error{ErrorCode::busy, is_busy + "it was asked to shut down and still runs"};
}

void end_off_wait(Vm& vm, const Result<void>& result) {
  if (vm.run()) vm.run()->off_wait().end();
  vm.context().answers.close(VmIsOff{vm.uuid()}, result);
  vm.context().answers.close(GuestIsAsked{vm.uuid()}, result);
}

}  // namespace virtsession
