// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/vm_kept.hpp"

#include "core/hold.hpp"
#include "core/ready_wait.hpp"
#include "core/stop_actions.hpp"
#include "core/vm.hpp"
#include "core/vm_life.hpp"

namespace virtsession {
namespace {

/// It is the run that the last instance saw.
void go_on(Vm& vm, const KeptVm& kept, Moment now) {
  vm.set_start({});
  vm.set_run(Run(kept.started_usec));
  vm.want(Intent::up);
  if (kept.stop_alone) {
    vm.set_stop(VmStop(possible_actions(vm, nullptr), *kept.stop_alone));
    vm.want(Intent::down);
  }
  const bool resumed = kept.hold && kept.hold->action == HoldAction::pause && kept.hold->answered &&
                       vm.domain().state == DomainState::running;
  if (resumed) forget_hold(vm);
  if (kept.never_ready) vm.run()->readiness().set_never();
  if (kept.told_to_shut_down) vm.run()->set_told_to_shut_down();
  vm.run()->saving().set_refusal(kept.save_refusal);
  vm.run()->set_own_forwards(kept.own_forwards);
  if (kept.ready_wait_ordered) begin_ready_wait(vm, *kept.ready_wait_ordered, now);
  if (vm.run()->readiness().wait() && kept.phase == Phase::waiting_ready)
    vm.enter(Phase::waiting_ready, "waits to be ready: " + to_text(vm.policy().start_ready), {CauseKind::policy}, now);
  settle_active(vm, {CauseKind::first_seen}, now);
}

}  // namespace

KeptVm kept_of(const Vm& vm) {
  const auto& status = vm.status();
  KeptVm kept{.id = vm.domain().id,
              .intent = status.intent,
              .restart_count = vm.restarts().count(),
              .last_error = status.last_error};
  if (const auto* run = vm.run()) {
    kept.started_usec = run->started_usec();
    kept.never_ready = run->readiness().never();
    kept.told_to_shut_down = run->was_told_to_shut_down();
    kept.save_refusal = run->saving().refusal();
    kept.own_forwards = run->own_forwards();
    if (run->readiness().wait()) kept.ready_wait_ordered = run->readiness().wait()->ordered;
  }
  if (const auto* start = vm.start())
    kept.start =
        KeptStart{start->cause(), start->ordered(), start->marked(), status.phase == Phase::starting, start->asked()};
  if (vm.hold()) kept.hold = KeptHold{vm.hold()->why(), vm.hold()->action(), !vm.hold()->under_way()};
  if (status.phase == Phase::gave_up) kept.gave_up = status.reason;
  kept.phase = status.phase;
  kept.since_usec = status.since_usec;
  kept.stopping = vm.is_stopping();
  if (kept.stopping && vm.stop()->alone()) kept.stop_alone = vm.stop()->alone()->cause();
  return kept;
}

bool restore(Vm& vm, const KeptVm& kept, const Surroundings& around, Moment now) {
  const auto& domain = vm.domain();
  const bool was_starting = kept.start && kept.start->starting;
  vm.restore({.phase = was_starting                   ? Phase::starting
                       : kept.phase == Phase::unknown ? Phase::inactive
                                                      : kept.phase,
              .reason = {},
              .since_usec = kept.since_usec,
              .intent = kept.intent,
              .last_error = kept.last_error});
  vm.restarts().reset(kept.restart_count);
  if (kept.hold) vm.set_hold(VmHold(kept.hold->why, kept.hold->action));
  if (kept.start)
    vm.set_start(kept.start->asked ? VmStart::asked(kept.start->cause)
                 : kept.start->ordered
                     ? VmStart::in_order(kept.start->cause, kept.start->marked)
                     : VmStart::at(now.steady + from_seconds(vm.policy().restart_delay_sec), kept.start->cause));
  if (domain.active() && kept.id == domain.id) {
    go_on(vm, kept, now);
  } else if (domain.active()) {
    came_up(vm, start_cause(vm), false, around, now);
  } else if (vm.start()) {
    const bool ordered = vm.start()->takes_turn();
    vm.enter(ordered ? Phase::queued : Phase::backoff, ordered ? "waits for its turn" : "restart follows",
             vm.start()->cause(), now);
  } else if (kept.id >= 0) {
    went_down(vm, around, now);
  } else if (!kept.gave_up.empty()) {
    vm.enter(Phase::gave_up, kept.gave_up, {CauseKind::policy}, now);
  } else {
    return false;
  }
  return true;
}

}  // namespace virtsession
