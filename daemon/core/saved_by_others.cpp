// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/saved_by_others.hpp"

#include "core/calls.hpp"
#include "core/history.hpp"
#include "core/vms.hpp"

namespace virtsession {
namespace {

bool is_at_a_job(const DomainSnapshot& domain) { return domain.pause_reason == PauseReason::job && domain.in_job; }

/// Boxes pauses all VMs in a moment, and then it ends. libvirt's news may come a little later than that of its end.
constexpr Duration kAroundItsEnd = std::chrono::seconds(5);

bool was_paused_around(const Vm& vm, std::optional<SteadyTime> end_of_boxes) {
  const auto paused = vm.run() ? vm.run()->standstill().paused_by_others() : std::nullopt;
  return end_of_boxes && paused && *paused >= *end_of_boxes - kAroundItsEnd && *paused <= *end_of_boxes + kAroundItsEnd;
}

bool was_paused_by_boxes(const Vm& vm) { return was_paused_around(vm, vm.context().boxes.closed); }

/// Until Boxes was closed, the VM was shown as paused by another client of libvirt.
void tell_who_paused(Vm& vm, Moment now) {
  const Cause boxes{CauseKind::boxes};
  vm.enter(Phase::paused, done_by_boxes("paused"), boxes, now);
  const auto& reason = vm.status().reason;
  vm.context().history.add({now.wall_usec, vm.uuid(), vm.name(), Phase::paused, reason, to_text(boxes)});
  journal(vm, Incident::phase, std::string(to_text(Phase::paused)) + " (" + reason + ")");
}

}  // namespace

void note_foreign_save(Vm& vm, const DomainSnapshot& before) {
  if (!vm.run() || !is_at_a_job(vm.domain()) || is_at_a_job(before) || vm.context().calls.lifecycle(vm.uuid())) return;
  vm.run()->saving().begin_by_others(vm.context().boxes.open);
}

void note_foreign_pause(Vm& vm, const DomainSnapshot& before, Moment now) {
  if (!vm.run() || vm.domain().pause_reason == before.pause_reason) return;
  const bool by_others =
      vm.domain().pause_reason == PauseReason::user && !vm.hold() && !vm.context().calls.lifecycle(vm.uuid());
  vm.run()->standstill().set_paused_by_others(by_others ? std::optional(now.steady) : std::nullopt);
}

bool was_saved_by_boxes(const Vm& vm, bool asked) {
  if (asked || vm.domain().shutoff_reason != ShutoffReason::saved) return false;
  return vm.context().boxes.open || (vm.run() && vm.run()->saving().by_boxes());
}

bool is_to_go_on_after_boxes(const Vm& vm) {
  return vm.policy().when_saved_by_others == WhenSaved::go_on && policy_starts(vm);
}

bool is_to_resume_after_boxes(const Vm& vm, Moment now) {
  const bool closing = vm.context().boxes.open && was_paused_around(vm, now.steady);
  return (closing || was_paused_by_boxes(vm)) && is_to_go_on_after_boxes(vm);
}

void go_on_after_boxes(Vm& vm, Moment now) {
  vm.set_start(VmStart::now({CauseKind::boxes}));
  vm.want(Intent::up);
  vm.enter(Phase::queued, "saved by GNOME Boxes, and goes on when that is closed", {CauseKind::boxes}, now);
}

void resume_after_boxes(const Context& context, Vms& vms, Moment now) {
  for (Vm& vm : vms.attended()) {
    if (!was_paused_by_boxes(vm) || vm.status().phase != Phase::paused || context.calls.lifecycle(vm.uuid())) continue;
    vm.run()->standstill().set_paused_by_others({});
    tell_who_paused(vm, now);
    if (is_to_go_on_after_boxes(vm))
      context.calls.send({.uuid = vm.uuid(), .call = call::Resume{}}, {CauseKind::boxes});
  }
}

std::string done_by_boxes(const std::string& what) {
  return what + " by GNOME Boxes, which does that when it is closed";
}

}  // namespace virtsession
