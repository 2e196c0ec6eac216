// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/hold.hpp"

#include "core/calls.hpp"
#include "core/guest_save.hpp"
#include "core/vm.hpp"
#include "core/vm_life.hpp"

namespace virtsession {

void hold_by_pause(Vm& vm, const Cause& why) {
  const auto call = vm.context().calls.send({.uuid = vm.uuid(), .call = call::Pause{}}, why);
  vm.set_hold(VmHold(why, HoldAction::pause, call));
}

void hold_by_save(Vm& vm, const Cause& why, Moment now) {
  if (vm.run()) vm.run()->end_for(why);
  const auto call = send_save(vm, false, why, now);
  vm.context().calls.watch_save(call, now.steady + kSaveProgressInterval);
  vm.set_hold(VmHold(why, HoldAction::save, call));
  vm.enter(Phase::saving, "being saved " + purpose_text(why), why, now);
}

void give_up_hold(Vm& vm, const std::string& because, Moment now) {
  if (!vm.hold() || !vm.hold()->give_up_save()) return;
  const auto why = vm.hold()->why();
  vm.context().calls.send({.uuid = vm.uuid(), .call = call::AbortJob{}}, why);
  vm.enter(Phase::saving, "its save " + purpose_text(why) + " is aborted: " + because, why, now);
}

void on_hold_answered(Vm& vm, const Result<void>& result, bool pause_instead, Moment now) {
  const auto hold = *vm.hold();
  vm.hold()->answered();
  if (result) {
    if (vm.domain().active()) settle_active(vm, hold.why(), now);
    return;
  }
  const bool by_a_person = vm.run() && vm.run()->saving().begun() && vm.run()->saving().begun()->paused;
  vm.set_hold({});
  if (vm.run()) vm.run()->keep_running();
  if (hold.saves() && !hold.given_up()) on_save_failed(vm, result.error());
  // A save for the host's sleep was to be done in time; one for the battery is given up because nobody wants it any
  // more.
  if (!hold.given_up() || hold.why().kind == CauseKind::host_sleeps) {
    const auto reason = hold.given_up() ? "it was not done in time" : result.error().message;
    vm.set_error(std::string("failed to ") + (hold.saves() ? "save " : "pause ") + purpose_text(hold.why()) + ": " +
                 reason);
    journal(vm, Incident::phase, vm.status().last_error);
  }
  const bool is_ours = vm.domain().active() && vm.domain().persistent && !by_a_person;
  if (is_ours && hold.saves() && vm.domain().pause_reason == PauseReason::user)  // it was paused before
    vm.set_hold(VmHold(hold.why(), HoldAction::pause));
  else if (is_ours && hold.saves() && pause_instead)
    return hold_by_pause(vm, hold.why());
  if (vm.domain().active()) settle_active(vm, {CauseKind::libvirt}, now);
}

void end_hold(Vm& vm, const Cause& over, Moment now) {
  const auto hold = *vm.hold();
  const auto& domain = vm.domain();
  if (hold.saves() && domain.active() && domain.in_job) return;  // an instance before began it
  if (vm.context().calls.exclusive(vm.uuid())) return;
  forget_hold(vm);
  if (vm.run() && vm.run()->end_cause() == hold.why()) vm.run()->keep_running();  // a save that came to nothing
  if (!hold.saves() && domain.state == DomainState::paused) {
    vm.context().calls.send({.uuid = vm.uuid(), .call = call::Resume{}}, over);
  } else if (hold.saves() && !domain.active() && domain.managed_save && !vm.start()) {
    vm.set_start(VmStart::now(over));
    vm.want(Intent::up);
    vm.enter(Phase::queued, "goes on: " + to_text(over), over, now);
  }
}

void forget_hold(Vm& vm) {
  vm.set_hold({});
  if (vm.run()) vm.run()->standstill().set_clock_stale(true);
}

}  // namespace virtsession
